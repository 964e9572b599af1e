"""Statements with effects outside their database: recognised by their trees, and only where they act."""

import pytest

from tenantry.sqltext import blank_outside, name_outside

OUTSIDE = {
    "COPY (SELECT 1) TO PROGRAM 'id'": "COPY to a program",
    "copy a from program 'id'": "COPY from a program",
    "COPY a TO '/tmp/a'": "COPY to a file",
    "COPY a FROM '/tmp/a'": "COPY from a file",
    "LOAD 'auto_explain'": "LOAD",
    "SELECT lo_export(1, '/tmp/a')": "lo_export",
    "SELECT pg_catalog.lo_import('/tmp/a')": "lo_import",
    "SELECT * FROM dblink('host=x', 'SELECT 1') AS a (b int)": "dblink",
    "SELECT public.dblink_exec('host=x', 'DROP TABLE a')": "dblink_exec",
    "INSERT INTO a SELECT pg_read_file('/etc/passwd')": "pg_read_file",
    "UPDATE a SET b = (SELECT count(*) FROM pg_ls_dir('.'))": "pg_ls_dir",
    "WITH a AS (SELECT pg_terminate_backend(pid) FROM pg_stat_activity) SELECT * FROM a": "pg_terminate_backend",
    "SELECT \"pg_read_binary_file\" /* a */ ('x')": "pg_read_binary_file",
}
INSIDE = [
    "CREATE TABLE copy (load int)",
    "SELECT load FROM copy",
    "SELECT 'dblink(1)', \"dblink\" FROM a -- lo_export(1)",
    "CREATE VIEW a AS SELECT * FROM dblink('host=x', 'SELECT 1') AS b (c int)",
    "CREATE TABLE a AS SELECT pg_read_file('x')",
    "SELECT pg_read_file('x') AS b INTO a",
    "CREATE FUNCTION a() RETURNS void LANGUAGE sql BEGIN ATOMIC SELECT pg_reload_conf(); END",
    "DO $$ BEGIN PERFORM lo_import('x'); END $$",
    "CREATE EXTENSION dblink",
    "SELCT pg_read_file('x')",
]


@pytest.mark.parametrize("text", OUTSIDE)
def test_outside(text: str) -> None:
    """A statement that reaches files, programs, other servers or sessions is named by that."""
    assert name_outside(text) == OUTSIDE[text]


@pytest.mark.parametrize("text", INSIDE)
def test_inside(text: str) -> None:
    """A name in another place, and a statement that only defines something, is no such effect."""
    assert name_outside(text) == ""


def test_blank() -> None:
    """Only these statements become blank, and all others stay where they are."""
    text = "SELECT 1;\nCOPY a\n  TO '/tmp/é';\nCREATE TABLE b ();\n"
    assert blank_outside(text) == "SELECT 1;\n      \n             ;\nCREATE TABLE b ();\n"
    assert blank_outside("SELECT 1;") == "SELECT 1;"
