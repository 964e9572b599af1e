-- Written from Flyway's source, not by it; the checksums are those of java.util.zip.CRC32 over BufferedReader's lines.
CREATE TABLE public.flyway_schema_history (
    installed_rank integer NOT NULL PRIMARY KEY,
    version character varying(50),
    description character varying(200) NOT NULL,
    type character varying(20) NOT NULL,
    script character varying(1000) NOT NULL,
    checksum integer,
    installed_by character varying(100) NOT NULL,
    installed_on timestamp without time zone DEFAULT now() NOT NULL,
    execution_time integer NOT NULL,
    success boolean NOT NULL
);
INSERT INTO public.flyway_schema_history VALUES
    (0, NULL, '<< Flyway Schema Creation >>', 'SCHEMA', '"studio"', NULL, 'ann', '2026-01-05 09:00:00', 0, true),
    (1, '0', '<< Flyway Baseline >>', 'BASELINE', '<< Flyway Baseline >>', NULL, 'ann', '2026-01-05 09:00:01', 0, true),
    (2, '1', 'rooms', 'SQL', 'V1__rooms.sql', -2019916005, 'ann', '2026-01-05 09:00:02', 3, true),
    (3, '1.1', 'sessions', 'SQL', 'V1_1__sessions.sql', 1560785125, 'ann', '2026-01-05 09:00:03', 3, true),
    (4, NULL, 'Busy rooms', 'SQL', 'R__Busy_rooms.sql', 77, 'ann', '2026-01-05 09:00:04', 3, true),
    (5, NULL, 'comments', 'SQL', 'R__comments.sql', 481707589, 'ann', '2026-01-05 09:00:05', 3, true),
    (6, '1.1', 'sessions', 'UNDO_SQL', 'U1_1__sessions.sql', -1771463021, 'ann', '2026-01-06 09:00:00', 3, true),
    (7, '1.1', 'sessions', 'SQL', 'V1_1__sessions.sql', 1560785125, 'ann', '2026-01-06 09:00:01', 3, true),
    (8, '2', 'names', 'SQL', 'later/V2__names.sql', 1789116142, 'ann', '2026-01-06 09:00:02', 3, true),
    (9, NULL, 'Busy rooms', 'SQL', 'R__Busy_rooms.sql', -875010686, 'ann', '2026-01-06 09:00:03', 3, true),
    (10, '3', 'gone', 'SQL', 'V3__gone.sql', 5, 'ann', '2026-01-06 09:00:04', 3, true),
    (11, '3', 'gone', 'DELETE', 'V3__gone.sql', 5, 'ann', '2026-01-07 09:00:00', 0, true),
    (12, '10', 'deposits', 'SQL', 'V10__deposits.sql', 849340676, 'ann', '2026-01-07 09:00:01', 3, true),
    (13, '11', 'index', 'SQL', 'V11__index.sql', -774872273, 'ann', '2026-01-07 09:00:02', 3, false);
