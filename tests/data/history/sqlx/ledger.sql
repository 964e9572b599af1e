CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);
INSERT INTO public._sqlx_migrations VALUES (20260105090000, 'rooms', '2026-11-22 17:07:15.799457+00', true, '\x96ba05125b8c709d9b2de826cb3f11ba2ebfafc2e5f9147ad50c526c861e3e87ebd923407164a955ad7f019e55b5805e', 650174);
INSERT INTO public._sqlx_migrations VALUES (20260106090000, 'sessions', '2026-11-22 17:07:15.800397+00', true, '\xa453440c8f927777352f95f49c5892503b17b3163b54ff31c8d0bdc2ff78d0843fd328aa9ffb18fcf08f2647d8e94cfe', 466350);
INSERT INTO public._sqlx_migrations VALUES (20260107090000, 'index', '2026-11-22 17:07:15.801535+00', true, '\xe7d40bbde4799d6b47e54d5e4ea9c289f264d4f88d0266a57e2fa92222e2415cc750c1d56eca5c8d35d28a6fa29f90a9', 654867);
ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);
