CREATE SCHEMA drizzle;
CREATE TABLE drizzle.__drizzle_migrations (
    id integer NOT NULL,
    hash text NOT NULL,
    created_at bigint,
    name text,
    applied_at timestamp with time zone DEFAULT now()
);
CREATE SEQUENCE drizzle.__drizzle_migrations_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE drizzle.__drizzle_migrations_id_seq OWNED BY drizzle.__drizzle_migrations.id;
ALTER TABLE ONLY drizzle.__drizzle_migrations ALTER COLUMN id SET DEFAULT nextval('drizzle.__drizzle_migrations_id_seq'::regclass);
INSERT INTO drizzle.__drizzle_migrations VALUES (1, '18adfac04990787d5e3d6131f85d8e1bdccf4eb9e6682153b6ef79de24f97182', 1795366721618, '20261122165841_rooms', NULL);
INSERT INTO drizzle.__drizzle_migrations VALUES (2, '8726d755899fbbf9cd34dcc11a5d496d28c1481790e40380c2e79c7d4be962b0', 1795366722160, '20261122165842_guests', NULL);
INSERT INTO drizzle.__drizzle_migrations VALUES (3, 'a80f7418b30c7180c64f1ffe028f2d563d62411bf57e897db6353f5d9d80fbd0', 1796115600000, '20261201090000_notes', '2026-11-22 17:01:03.830567+00');
SELECT pg_catalog.setval('drizzle.__drizzle_migrations_id_seq', 3, true);
ALTER TABLE ONLY drizzle.__drizzle_migrations
    ADD CONSTRAINT __drizzle_migrations_pkey PRIMARY KEY (id);
