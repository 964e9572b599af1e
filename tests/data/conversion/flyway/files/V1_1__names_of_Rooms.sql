-- Depends: on rooms.
ALTER TABLE rooms ADD name text;
