CREATE TABLE guests (id int PRIMARY KEY);
