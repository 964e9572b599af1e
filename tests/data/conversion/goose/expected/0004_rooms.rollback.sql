-- source: goose 1

DROP TABLE rooms;
