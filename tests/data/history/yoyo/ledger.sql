CREATE TABLE public._yoyo_migration (
    migration_hash character varying(64) NOT NULL,
    migration_id character varying(255),
    applied_at_utc timestamp without time zone
);
INSERT INTO public._yoyo_migration VALUES ('23103a8a7ff409a2624e5cfb088131f573a8d6b860384abbbfe05cb4f7b8e170', '0001.rooms', '2026-11-22 16:58:27.374046');
INSERT INTO public._yoyo_migration VALUES ('b9292c3851610c70f6b01647d542427c29fbe3c3f8b8bf02a0a0271a7dd48d31', '0003.sessions', '2026-11-22 16:58:27.383826');
INSERT INTO public._yoyo_migration VALUES ('ce3f59da74a9dc3181bc0f805d83f83e073a3f35a626e6ded1a3c95c16898cba', '0002.desks', '2026-11-22 16:58:28.135339');
ALTER TABLE ONLY public._yoyo_migration
    ADD CONSTRAINT _yoyo_migration_pkey PRIMARY KEY (migration_hash);
