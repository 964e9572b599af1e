SELECT encode(sha256(convert_to(coalesce(string_agg(text, chr(10) ORDER BY text), ''), 'UTF8')), 'hex')
FROM (
    SELECT CAST(ARRAY[kind, name, parent] || facts AS text) COLLATE "C" AS text
    FROM {visible}
) AS written
