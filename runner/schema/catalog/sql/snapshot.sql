SELECT '' AS kind, ({fingerprint}) AS name, '' AS parent, 0 AS position, CAST(ARRAY[] AS text[]) AS facts
UNION ALL
SELECT kind, name, parent, position, facts
FROM {visible}
