-- statement.py counts these: if the first one fails, the file has failed; the others are ours.
SET CONSTRAINTS ALL IMMEDIATE;
SET LOCAL session_authorization TO DEFAULT;
SET LOCAL role TO DEFAULT;
SET LOCAL search_path TO '';
SET LOCAL statement_timeout TO 0;
{durable};
{untouched};
{progress};
COMMIT
