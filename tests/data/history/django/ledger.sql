CREATE TABLE public.django_migrations (
    id integer NOT NULL,
    app character varying(255) NOT NULL,
    name character varying(255) NOT NULL,
    applied timestamp with time zone NOT NULL
);
INSERT INTO public.django_migrations VALUES (1, 'contenttypes', '0001_initial', '2026-11-22 16:58:24.953527+00');
INSERT INTO public.django_migrations VALUES (2, 'contenttypes', '0002_remove_content_type_name', '2026-11-22 16:58:24.960782+00');
INSERT INTO public.django_migrations VALUES (3, 'studio', '0001_initial', '2026-11-22 16:58:24.966892+00');
INSERT INTO public.django_migrations VALUES (4, 'studio', '0002_session', '2026-11-22 16:58:24.97322+00');
ALTER TABLE ONLY public.django_migrations
    ADD CONSTRAINT django_migrations_pkey PRIMARY KEY (id);
