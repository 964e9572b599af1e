ALTER TABLE sessions ADD deposit numeric(10,2);
