-- source: golang-migrate 10

INSERT INTO rooms VALUES (1, 'Blue; or not');
