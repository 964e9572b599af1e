-- deposits
-- depends: 0003.sessions

ALTER TABLE sessions ADD deposit numeric(10,2);
