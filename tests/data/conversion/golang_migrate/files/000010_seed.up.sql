INSERT INTO rooms VALUES (1, 'Blue; or not');
