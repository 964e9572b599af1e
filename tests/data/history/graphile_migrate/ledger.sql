CREATE SCHEMA graphile_migrate;
CREATE TABLE graphile_migrate.current (
    filename text DEFAULT 'current.sql'::text NOT NULL,
    content text NOT NULL,
    date timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE graphile_migrate.migrations (
    hash text NOT NULL,
    previous_hash text,
    filename text NOT NULL,
    date timestamp with time zone DEFAULT now() NOT NULL
);
INSERT INTO graphile_migrate.migrations VALUES ('sha1:f8a0d3f0395f55fb16db6e46fd729127d7ea2fcd', NULL, '000001.sql', '2026-11-22 16:58:38.966925+00');
INSERT INTO graphile_migrate.migrations VALUES ('sha1:fe2db5353cbb09297afcea644c930e7c2077f3c7', 'sha1:f8a0d3f0395f55fb16db6e46fd729127d7ea2fcd', '000002.sql', '2026-11-22 16:58:39.523204+00');
INSERT INTO graphile_migrate.migrations VALUES ('sha1:9960c28725f3e08c3aa4afea8585c99484ed061d', 'sha1:fe2db5353cbb09297afcea644c930e7c2077f3c7', '000003.sql', '2026-11-22 16:58:40.126802+00');
ALTER TABLE ONLY graphile_migrate.current
    ADD CONSTRAINT current_pkey PRIMARY KEY (filename);
ALTER TABLE ONLY graphile_migrate.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY graphile_migrate.migrations
    ADD CONSTRAINT migrations_previous_hash_fkey FOREIGN KEY (previous_hash) REFERENCES graphile_migrate.migrations(hash);
