--! Previous: sha1:fe2db5353cbb09297afcea644c930e7c2077f3c7
--! Hash: sha1:9960c28725f3e08c3aa4afea8585c99484ed061d

CREATE TABLE bills (id int PRIMARY KEY);
