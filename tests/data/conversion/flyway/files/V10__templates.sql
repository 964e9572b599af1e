INSERT INTO rooms VALUES (1, 'Dear ${name}');
