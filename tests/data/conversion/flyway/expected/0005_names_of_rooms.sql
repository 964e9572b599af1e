-- source: flyway 1.1

/* The comment below is the file's own, not a header. */
-- Depends: on rooms.
ALTER TABLE rooms ADD name text;
