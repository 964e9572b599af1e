acldefault('n', nspowner) || makeaclitem(0, nspowner, 'USAGE', false)
