SELECT version, queue
FROM {schema}.layout
