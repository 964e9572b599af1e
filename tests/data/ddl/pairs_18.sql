-- Two schemas each that only PostgreSQL 18 has.

-- pair: virtual generated columns
-- before
CREATE TABLE public.t (a integer, b integer GENERATED ALWAYS AS (a + 1), c integer GENERATED ALWAYS AS (a + 1));
-- after
CREATE TABLE public.t (a bigint, b integer GENERATED ALWAYS AS (a + 2), d integer GENERATED ALWAYS AS (a * 2) VIRTUAL);

-- pair: constraints that are not enforced
-- both
CREATE TABLE public.r (id integer PRIMARY KEY);
CREATE TABLE public.t (a integer);
-- before
ALTER TABLE public.t ADD CONSTRAINT c CHECK (a > 0), ADD CONSTRAINT d CHECK (a > 1) NOT ENFORCED;
-- after
ALTER TABLE public.t ADD CONSTRAINT c CHECK (a > 0) NOT ENFORCED, ADD CONSTRAINT d CHECK (a > 1),
    ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES public.r NOT ENFORCED;
CREATE TABLE public.u (a integer, CONSTRAINT e CHECK (a > 0) NOT ENFORCED);

-- pair: not null that is not validated
-- both
CREATE TABLE public.t (a integer, b integer, c integer);
-- before
ALTER TABLE public.t ADD NOT NULL a NOT VALID;
-- after
ALTER TABLE public.t ALTER a SET NOT NULL, ADD NOT NULL b NOT VALID;
CREATE TABLE public.u (a integer NOT NULL NO INHERIT, b integer);
ALTER TABLE public.u ADD NOT NULL b NOT VALID;

-- pair: keys over time
-- before
CREATE EXTENSION btree_gist;
CREATE TABLE public.t (a integer, during tsrange);
-- after
CREATE EXTENSION btree_gist;
CREATE TABLE public.t (a integer, during tsrange, PRIMARY KEY (a, during WITHOUT OVERLAPS));
CREATE TABLE public.u (a integer, during tsrange, FOREIGN KEY (a, PERIOD during) REFERENCES public.t (a, PERIOD during));

-- pair: not null without children
-- before
CREATE TABLE public.p (a integer, b integer NOT NULL NO INHERIT, c integer NOT NULL, d integer);
CREATE TABLE public.k () INHERITS (public.p);
-- after
CREATE TABLE public.p (a integer NOT NULL NO INHERIT, b integer, c integer NOT NULL NO INHERIT, d integer);
ALTER TABLE public.p ADD e integer NOT NULL NO INHERIT;
CREATE TABLE public.k () INHERITS (public.p);
