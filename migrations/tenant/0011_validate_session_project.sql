-- Checks the rows of sessions against projects, for the foreign key that 0010 added NOT VALID.
--
-- In a file, and so in a transaction, of its own: in that of 0010 this scan would run under its ACCESS EXCLUSIVE lock.
-- Here it takes SHARE UPDATE EXCLUSIVE on sessions and ROW SHARE on projects, and rewrites nothing. Both locks let
-- reads and writes go on; only changes to the schema of the two tables, and VACUUM and ANALYZE of sessions, wait.

ALTER TABLE sessions
    VALIDATE CONSTRAINT sessions_project_id_fkey;
