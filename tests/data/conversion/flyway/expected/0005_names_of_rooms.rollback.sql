-- source: flyway 1.1

ALTER TABLE rooms DROP name;
