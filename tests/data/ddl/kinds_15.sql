-- pair: grants on the sequence of an identity
-- both
CREATE TABLE bills (id integer GENERATED ALWAYS AS IDENTITY);
-- before
-- after
GRANT USAGE ON SEQUENCE bills_id_seq TO pg_monitor;

-- pair: sequences that are logged apart from their tables
-- before
create unlogged table t (id serial, n int generated always as identity);
create table u (id serial, n int generated always as identity);
create unlogged table w (id int);
create sequence s owned by w.id;
-- after
create unlogged table t (id serial, n int generated always as identity);
create table u (id serial, n int generated always as identity);
alter sequence t_id_seq set logged;
alter sequence t_n_seq set logged;
alter sequence u_id_seq set unlogged;
alter sequence u_n_seq set unlogged;
create unlogged table w (id int);
create unlogged sequence s owned by w.id;

-- pair: tables with such sequences
-- before
create table x ();
-- after
create unlogged table t (id serial, n int generated always as identity);
create table u (id serial, n int generated always as identity);
alter sequence t_id_seq set logged;
alter sequence t_n_seq set logged;
alter sequence u_id_seq set unlogged;
alter sequence u_n_seq set unlogged;
create unlogged table w (id int);
create unlogged sequence s owned by w.id;
create unlogged table z (id serial);

-- pair: tables and their sequences change together
-- before
create table t (id serial, n int generated always as identity);
create unlogged table u (id int);
create unlogged sequence s owned by u.id;
create table v (id int);
-- after
create unlogged table t (id serial, n int generated always as identity);
create unlogged table u (id int);
create table v (id int);
create sequence s owned by v.id;
