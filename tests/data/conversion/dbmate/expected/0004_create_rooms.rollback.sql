-- source: dbmate 20260303090000

DROP TABLE rooms;
