UPDATE ONLY {schema}._migrations
SET name = {name}, checksum = {checksum}, sql_text = {sql_text}
WHERE version = {version}
