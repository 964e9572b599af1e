-- Größe   one line

ALTER TABLE rooms ADD name text;