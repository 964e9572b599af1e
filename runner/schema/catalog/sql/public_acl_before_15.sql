acldefault('n', nspowner) || makeaclitem(0, nspowner, 'USAGE', false) || makeaclitem(0, nspowner, 'CREATE', false)
