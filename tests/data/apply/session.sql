-- What can be seen of a session, written down: two of these are equal where nothing was left behind in between.
INSERT INTO public.session
SELECT {moment}, 'setting', name, setting FROM pg_catalog.pg_settings
    WHERE name NOT LIKE 'plpgsql.%' -- there once the language was used
UNION ALL SELECT {moment}, 'role', 'current', CAST(current_user AS text)
UNION ALL SELECT {moment}, 'role', 'session', CAST(session_user AS text)
UNION ALL SELECT {moment}, 'prepared', name, statement FROM pg_catalog.pg_prepared_statements
UNION ALL SELECT {moment}, 'cursor', name, statement FROM pg_catalog.pg_cursors WHERE name <> ''
UNION ALL SELECT {moment}, 'channel', channel, '' FROM pg_catalog.pg_listening_channels() AS channel
UNION ALL SELECT {moment}, 'temporary', relname, '' FROM pg_catalog.pg_class
    WHERE relnamespace = pg_catalog.pg_my_temp_schema()
UNION ALL SELECT {moment}, 'lock', CAST(objid AS text), mode FROM pg_catalog.pg_locks
    WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid();
DO $$
BEGIN
    INSERT INTO public.session VALUES ({moment}, 'sequence', 'currval', pg_catalog.currval('public.numbers'));
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    NULL;
END
$$;
