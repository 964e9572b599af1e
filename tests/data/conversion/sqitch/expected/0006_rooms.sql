-- source: sqitch studio:rooms#2

-- Deploy studio:rooms to pg

ALTER TABLE rooms ADD name text;
