--! Previous: sha1:f8a0d3f0395f55fb16db6e46fd729127d7ea2fcd
--! Hash: sha1:fe2db5353cbb09297afcea644c930e7c2077f3c7
--! Message: guests of a room

--! no-transaction
CREATE TABLE guests (id int PRIMARY KEY, room_id int REFERENCES rooms);
