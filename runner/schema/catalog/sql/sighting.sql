-- Both statements see the database at one moment.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
{settings};
{token};
{fingerprint};
COMMIT
