CREATE TABLE sessions (
  id int
);
