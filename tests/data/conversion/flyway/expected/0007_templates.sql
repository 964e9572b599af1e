-- source: flyway 10

INSERT INTO rooms VALUES (1, 'Dear ${name}');
