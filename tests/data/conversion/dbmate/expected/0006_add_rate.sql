-- source: dbmate 20260305090000

ALTER TABLE rooms ADD rate numeric(10,2)
