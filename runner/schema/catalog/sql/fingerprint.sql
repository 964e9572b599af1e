-- The gates are left out of a snapshot, for which everything is asked.
SELECT encode(sha256(convert_to(coalesce(string_agg(text, chr(10) ORDER BY text), ''), 'UTF8')), 'hex'){gates}
FROM (
    SELECT CAST(ARRAY[kind, name, parent] || facts AS text) COLLATE "C" AS text, kind, owner, acl, more
    FROM {visible}
) AS written
