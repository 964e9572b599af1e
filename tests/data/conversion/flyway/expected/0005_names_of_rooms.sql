-- source: flyway 1.1

/* The comment below comes from the original file; it is not a header. */
-- Depends: on rooms.
ALTER TABLE rooms ADD name text;
