CREATE TABLE public._prisma_migrations (
    id character varying(36) NOT NULL,
    checksum character varying(64) NOT NULL,
    finished_at timestamp with time zone,
    migration_name character varying(255) NOT NULL,
    logs text,
    rolled_back_at timestamp with time zone,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    applied_steps_count integer DEFAULT 0 NOT NULL
);
INSERT INTO public._prisma_migrations VALUES ('8a9b9ad2-59fd-4d8b-b03a-2e51b58405a8', '66c4e31c2035e63b58cf6bf8410f9246bb3dd582d2fc4d1d13148a6d0dca9dfa', '2026-11-22 17:02:17.422+00', '20260101090000_rooms', NULL, NULL, '2026-11-22 17:02:17.416+00', 1);
INSERT INTO public._prisma_migrations VALUES ('86762b5e-4962-4c1b-8515-60109e1cc1d1', 'ca2e2f6b0c5666cb8be5f208af5aa1a9198dd7c1c9d0bc363ece5521fa534676', '2026-11-22 17:02:17.429+00', '20260102090000_guests', NULL, NULL, '2026-11-22 17:02:17.425+00', 1);
INSERT INTO public._prisma_migrations VALUES ('f1076901-cbe5-43f6-bbb0-edadcdd74493', 'b76b1fc6439d03c80cec4e52295a631af6d668c4cf8e9c4e2a42e34200109f86', NULL, '20260103090000_broken', 'external connector error
Error querying the database: ERROR: division by zero', '2026-11-22 17:02:17.821+00', '2026-11-22 17:02:17.434+00', 0);
ALTER TABLE ONLY public._prisma_migrations
    ADD CONSTRAINT _prisma_migrations_pkey PRIMARY KEY (id);
