-- source: flyway 1.1

-- Depends: on rooms.
ALTER TABLE rooms ADD name text;
