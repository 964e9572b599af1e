CREATE TABLE public.t (
    a integer
);

-- writes wait
CREATE INDEX i ON public.t USING btree (a);

-- Move this to its own file: it needs a transaction of its own.
-- scans the table
ALTER TABLE public.t VALIDATE CONSTRAINT k;

-- destructive: its values are lost
-- ALTER TABLE public.t
--     DROP COLUMN b;

-- destructive
-- DROP VIEW public.v;

-- ambiguous: c or d
-- either:
-- ALTER TABLE public.t RENAME COLUMN c TO d;
-- or:
-- ADD d;
-- DROP c;

-- not written: index public.j: not valid
