SELECT kind, name, parent, position, ARRAY['owner', {owner_word}]
FROM object
WHERE owner <> (SELECT me.oid FROM me) AND {owner_word} <> 'CURRENT_USER'
