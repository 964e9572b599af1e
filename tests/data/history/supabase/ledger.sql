CREATE SCHEMA supabase_migrations;
CREATE TABLE supabase_migrations.schema_migrations (
    version text NOT NULL,
    statements text[],
    name text
);
INSERT INTO supabase_migrations.schema_migrations VALUES ('20260101090000', '{"CREATE TABLE rooms (id int PRIMARY KEY, name text NOT NULL)","CREATE INDEX rooms_name ON rooms (name)"}', 'rooms');
INSERT INTO supabase_migrations.schema_migrations VALUES ('20260102090000', '{"CREATE TABLE guests (id int PRIMARY KEY, room_id int REFERENCES rooms)"}', 'guests');
ALTER TABLE ONLY supabase_migrations.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);
