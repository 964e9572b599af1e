"""Non-transactional files and poolers: refused behind one in transaction mode, unless there is a way past it."""

from pathlib import Path

import pytest

from tenantry.model.events import Verdict
from tenantry.model.results import Result
from tests.fix_pgbouncer import StartPooler, through
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import Site, make_site

FILES = {
    "0001_rooms.sql": "CREATE TABLE rooms (id int);\n",
    "0002_index.sql": "-- transactional: false\nCREATE INDEX CONCURRENTLY by_id ON rooms (id);\n",
}
# Of this database: others of the server are other tests'.
LOCKS = (
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
    " WHERE locktype = 'advisory' AND datname = current_database()"
)


@pytest.mark.parametrize("size", [1, 4])
def test_refused(start_pooler: StartPooler, database: MakeDatabase, tmp_path: Path, size: int) -> None:
    """The file is refused before its first statement, with what to write, and leaves no lock in the pool."""
    pooler = start_pooler(size=size)
    here: Site = make_site(lambda: through(pooler, database()), tmp_path, FILES)
    ran = here.migrate()
    verdict = ran.verdict()
    assert (verdict.result, ran.exit_code, ran.applied) == (Result.REFUSED, 4, ["0001_rooms"])
    assert verdict.reason == (
        "0002_index: runs outside a transaction and needs a session of its own, but server 'main' is a pooler "
        "that gives each transaction another one"
    )
    assert verdict.hint == (
        "add a direct connection, which only such files use, to the server in tenants.yaml:\n"
        "main: {dsn: ..., direct: ...}"
    )
    assert here.states() == {1: "applied"}
    assert here.query(LOCKS) == [(0,)]


def test_past_the_pooler(pooler: str, database: MakeDatabase, server_dsn: str, tmp_path: Path) -> None:
    """With a way past the pooler the file runs there, and the others through the pool."""
    here: Site = make_site(lambda: through(pooler, database()), tmp_path, FILES)
    config = here.folder / "tenants.yaml"
    servers = f"servers: {{main: {{dsn: '{_quote(pooler)}', direct: '{_quote(server_dsn)}'}}}}"
    config.write_text(config.read_text("utf-8").replace("servers: {main: host=/nowhere}", servers), "utf-8")
    project = here.project(servers={})
    assert here.migrate(project).verdict() == Verdict(Result.APPLIED)
    assert here.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_id'::regclass") == [(True,)]
    assert here.query(LOCKS) == [(0,)]


def _quote(dsn: str) -> str:
    return dsn.replace("'", "''")
