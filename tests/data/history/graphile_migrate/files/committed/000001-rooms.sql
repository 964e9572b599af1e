--! Previous: -
--! Hash: sha1:f8a0d3f0395f55fb16db6e46fd729127d7ea2fcd
--! Message: rooms

CREATE TABLE rooms (id int PRIMARY KEY, name text NOT NULL);
