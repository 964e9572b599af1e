-- Written from tern's source: what it creates, and the one row after two migrations.
CREATE TABLE public.schema_version (version int4 NOT NULL);
INSERT INTO public.schema_version VALUES (2);
