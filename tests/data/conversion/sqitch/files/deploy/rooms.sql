-- Deploy studio:rooms to pg

ALTER TABLE rooms ADD name text;
