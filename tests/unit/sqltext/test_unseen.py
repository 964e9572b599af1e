"""Statements whose effect no catalog comparison shows: named, and told from those that one does show."""

import pytest

from tenantry.sqltext import find_unseen

UNSEEN = {
    "GRANT CREATE ON DATABASE hotel TO clerk": "privileges on a database",
    "COMMENT ON DATABASE hotel IS 'x'": "a comment on a database",
    "ALTER DATABASE hotel OWNER TO clerk": "the owner of a database",
    "CREATE ROLE clerk": "CREATE ROLE",
    "ALTER USER clerk PASSWORD 'x'": "ALTER ROLE",
    "ALTER ROLE clerk SET work_mem = '8MB'": "ALTER ROLE",
    "GRANT clerk TO porter": "a grant of a role",
    "GRANT SELECT ON LARGE OBJECT 7 TO clerk": "privileges on a large object",
    "ALTER EXTENSION citext ADD FUNCTION f()": "ALTER EXTENSION ADD or DROP",
}
SEEN = [
    "GRANT SELECT ON rooms TO clerk",
    "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM PUBLIC",
    "COMMENT ON TABLE rooms IS 'role of a database'",
    "ALTER ROLE clerk IN DATABASE hotel SET work_mem = '8MB'",
    "ALTER DATABASE hotel SET work_mem = '8MB'",
    "CREATE EXTENSION citext",
    "SELCT role",
]


@pytest.mark.parametrize("text", UNSEEN)
def test_unseen(text: str) -> None:
    """What the comparison does not read has a name."""
    assert find_unseen(f"CREATE TABLE rooms (id integer); {text}; {text}") == (UNSEEN[text],)


@pytest.mark.parametrize("text", SEEN)
def test_seen(text: str) -> None:
    """Other statements have none, nor has what the parser does not know."""
    assert find_unseen(text) == ()
