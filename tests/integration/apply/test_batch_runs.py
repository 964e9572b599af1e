"""A change in batches from run to run: stopped, gone on with, held up, refused."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tenantry.model.errors import Refused
from tenantry.model.events import BatchProgressed, MigrationFailed, MigrationRetried, RepairProposed, Verdict
from tenantry.model.results import Result
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import MakeSite, Site, Steps, finish, lend_role, make_site, wait_until

ROWS = {
    "0001_t.sql": "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);\n"
    "INSERT INTO t SELECT generate_series(1, 50);\nANALYZE t;\n"
}
FILL = "-- transactional: false\n-- batch: 20\n-- lock-timeout: 50ms\nUPDATE t SET n = n + 1;\n"


@pytest.fixture
def site(database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeSite:
    """Return a callable that makes a site on PostgreSQL 17, on which each batch is told of."""
    monkeypatch.setattr("tenantry.apply.batch.pace._TELL_EVERY_S", 0.0)
    monkeypatch.setattr("tenantry.apply.batch.loop._LOOK_EVERY_S", 0.02)
    return partial(make_site, database, tmp_path)


def prepare(site: MakeSite, text: str = FILL) -> Site:
    """Make a site that has the table, and whose next run changes it."""
    here: Site = site(ROWS)
    assert here.migrate().exit_code == 0
    here.write({"0002_fill.sql": text})
    return here


def advance_to(steps: Steps, rows: int) -> None:
    """Take a job to where so many rows are told of."""
    for event in steps:
        if isinstance(event, BatchProgressed) and event.rows == rows:
            return


def read_batch(here: Site) -> dict[str, Any]:
    """Return what the ledger says of the batches, without what depends on the statement."""
    ((batch,),) = here.query("SELECT progress -> 'batch' FROM _migrations WHERE version = 2")
    return {key: value for key, value in (batch or {}).items() if key != "begun"}


def count_changes(here: Site) -> list[tuple[int, int]]:
    """Return how often rows were changed, and how many were."""
    return [(n, count) for n, count in here.query("SELECT n, count(*) FROM t GROUP BY n ORDER BY n")]


def test_stopped(site: MakeSite) -> None:
    """A run that is stopped between two batches is gone on with: no row is changed twice, none is left out."""
    here = prepare(site)
    with closing(here.steps()) as steps:
        advance_to(steps, 20)
    assert count_changes(here) == [(0, 30), (1, 20)]
    assert read_batch(here) == {"top": ["50"], "last": ["20"], "rows": 20, "changed": 20}
    ran = here.migrate()
    assert (ran.results, ran.exit_code) == ({"1": Result.APPLIED}, 0)
    assert [event.rows for event in ran.of(BatchProgressed)] == [40, 50]
    assert count_changes(here) == [(1, 50)]
    assert here.logged()[1:] == [(2, "started"), (2, "resumed"), (2, "applied")]
    assert {key: here.log()[-1].detail[key] for key in ("rows", "changed")} == {"rows": 50, "changed": 50}


def test_resized(site: MakeSite) -> None:
    """The size of a batch, its pause and comments may be changed on the way."""
    here = prepare(site)
    with closing(here.steps()) as steps:
        advance_to(steps, 20)
    here.write({"0002_fill.sql": f"-- slower\n{FILL.replace('20', '7 pause 1ms')}-- all of it\n"})
    told = {event.rows for event in here.migrate().of(BatchProgressed)}
    assert told == {27, 34, 41, 48, 50}
    assert count_changes(here) == [(1, 50)]


def test_without_batches(site: MakeSite) -> None:
    """A change that was begun in batches is not sent whole: their rows would be changed twice. The way out says so."""
    here = prepare(site)
    with closing(here.steps()) as steps:
        advance_to(steps, 20)
    here.write({"0002_fill.sql": FILL.replace("-- batch: 20\n", "")})
    ran = here.migrate()
    assert (ran.verdict(), ran.exit_code) == (Verdict(Result.REFUSED, "incomplete: 0002_fill"), 4)
    assert count_changes(here) == [(0, 30), (1, 20)]
    (shown,) = here.call("forget", version=2).of(RepairProposed)
    assert shown.changes[1] == "its completed part will run again: 20 rows"
    assert here.log()[-1].detail["batch"]["last"] == ["20"]


OTHER_KEY = (
    "ALTER TABLE t ADD m int DEFAULT 0; ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (id, m)"
)


@pytest.mark.parametrize(
    ("text", "change"), [(FILL.replace("n + 1", "n + 2"), ""), (FILL, OTHER_KEY)], ids=["text", "key"]
)
def test_changed(site: MakeSite, text: str, change: str) -> None:
    """With another statement, or another key, a change that was begun is not gone on with."""
    here = prepare(site)
    with closing(here.steps()) as steps:
        advance_to(steps, 20)
    here.write({"0002_fill.sql": text})
    if change:
        here.query(change)
    ran = here.migrate()
    assert ran.exit_code == 4
    assert ran.verdict() == Verdict(
        Result.REFUSED,
        "0002_fill: the statement or the primary key has changed since 20 rows were processed",
        'restore both, or run "tenantry forget 2 --tenants 1 --reason ..." to start again from the first row',
    )
    assert count_changes(here) == [(0, 30), (1, 20)]


def test_rows_meanwhile(site: MakeSite) -> None:
    """Rows that come meanwhile are changed where their key is still ahead, up to the highest one at the start."""
    here = prepare(site)
    with closing(here.steps()) as steps:
        advance_to(steps, 20)
    here.query("DELETE FROM t WHERE id IN (25, 50); INSERT INTO t VALUES (-1), (25), (60)")
    assert here.migrate().exit_code == 0
    assert here.query("SELECT id FROM t WHERE n = 0 ORDER BY id") == [(-1,), (60,)]
    assert here.query("SELECT count(*) FROM t WHERE n = 1") == [(49,)]


@contextmanager
def hold(here: Site, statement: str) -> Iterator[psycopg.Connection[Any]]:
    """Keep open the transaction of a statement of somebody else."""
    with closing(here.connect()) as other:
        other.execute(f"BEGIN; {statement}".encode())
        yield other


def test_locked(site: MakeSite) -> None:
    """A batch that meets a lock is tried again and again, then the tenant is blocked; the next run goes on there."""
    here = prepare(site, FILL.replace("50ms", "400ms"))
    with hold(here, "SELECT FROM t WHERE id = 33 FOR UPDATE") as other:
        ran = here.migrate(lock_wait_s=0.5)
        assert (ran.results, ran.exit_code) == ({"1": Result.BLOCKED}, 5)
        retried = ran.of(MigrationRetried)[0]
        assert retried.failure.message == "canceling statement due to lock timeout"
        assert retried.wait is not None
        assert [blocker.pid for blocker in retried.wait.blockers] == [other.info.backend_pid]
        assert count_changes(here) == [(0, 30), (1, 20)]
    assert here.migrate().exit_code == 0
    assert count_changes(here) == [(1, 50)]


def test_collided(site: MakeSite) -> None:
    """A batch that collides with others is rolled back as a whole, and tried again."""
    here = prepare(site)
    here.query(
        "CREATE SEQUENCE tries; CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.id = 33 AND nextval('tries') < 3 THEN RAISE serialization_failure; END IF; RETURN NEW; END $$;"
        " CREATE TRIGGER collide BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION collide()"
    )
    ran = here.migrate()
    assert ran.exit_code == 0
    assert [event.failure.sqlstate for event in ran.of(MigrationRetried)] == ["40001", "40001"]
    assert count_changes(here) == [(1, 50)]


def test_failed_without_rows(site: MakeSite) -> None:
    """A statement that cannot run fails in an empty table as it would in another one, at its place."""
    here = prepare(site, FILL.replace("n + 1", "nothing"))
    here.query("DELETE FROM t")
    failed = here.migrate().of(MigrationFailed)[0]
    assert (failed.failure.line, failed.failure.column) == (4, 18)
    assert failed.failure.message == 'column "nothing" does not exist'
    here.write({"0002_fill.sql": FILL})
    assert here.migrate().exit_code == 0


def test_failed(site: MakeSite) -> None:
    """A batch that fails is rolled back and shown where the file has it; when it is mended, the next run goes on."""
    text = FILL.replace("n + 1;", "n + 1\nWHERE id > 0 OR\n    1 / (id - 33) > 0;").replace("id > 0", "id < 33")
    here = prepare(site, text)
    ran = here.migrate()
    assert (ran.results, ran.exit_code) == ({"1": Result.FAILED}, 3)
    assert ran.verdict().reason.startswith("division by zero, 0002_fill is not finished")
    assert count_changes(here) == [(0, 30), (1, 20)]
    here.query("DELETE FROM t WHERE id = 33")
    assert here.migrate().exit_code == 0
    assert here.query("SELECT count(*) FROM t WHERE n = 1 AND id <= 34") == [(33,)]


def test_record_fails(site: MakeSite) -> None:
    """What a batch has changed is rolled back where its record cannot be written."""
    here = prepare(site)
    own = "ALTER TABLE t OWNER TO {0}; ALTER TABLE _migrations OWNER TO {0}; ALTER TABLE _migrations_log OWNER TO {0}"
    with lend_role(here) as role:
        here.query(f"GRANT ALL ON SCHEMA public TO {role}; {own.format(role)}")
        seen = replace(here, server=make_conninfo(here.server, user=role))
        with closing(seen.steps()) as steps:
            advance_to(steps, 20)
            # Even an owner may be forbidden to write.
            here.query(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON _migrations FROM {role}")
            reason = finish(steps).reason
        here.query(own.format("CURRENT_USER"))
    assert reason.startswith("permission denied for table _migrations, 0002_fill is not finished")
    assert count_changes(here) == [(0, 30), (1, 20)]
    assert read_batch(here)["rows"] == 20


def test_record_of_another(site: MakeSite) -> None:
    """What a batch has changed is rolled back where another session of a dead runner has committed it meanwhile."""
    here = prepare(site)
    with closing(here.steps()) as steps:
        advance_to(steps, 20)
        here.query("UPDATE _migrations SET progress = jsonb_set(progress, '{batch,rows}', '40') WHERE version = 2")
        with pytest.raises(Refused) as caught:
            finish(steps)
    assert str(caught.value) == "public._migrations: the row was not stored, expected a plain table"
    assert count_changes(here) == [(0, 30), (1, 20)]


# Each in the place of the progress that a run has written.
ODD = {
    "no end": "({}) - 'top'",
    "a key that is a number": "jsonb_set({}, '{{last}}', '[7]')",
    "a hash that is a number": "jsonb_set({}, '{{begun}}', '7')",
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_odd_progress(site: MakeSite, value: str) -> None:
    """Progress that tenantry does not write is refused, and no row is changed by it."""
    here = prepare(site)
    with closing(here.steps()) as steps:
        advance_to(steps, 20)
    batch = value.format("progress -> 'batch'")
    here.query(f"UPDATE _migrations SET progress = jsonb_set(progress, '{{batch}}', {batch}) WHERE version = 2")
    verdict = here.migrate().verdict()
    assert (verdict.result, verdict.reason) == (
        Result.REFUSED,
        "public._migrations: version 2: unreadable progress, expected a value that tenantry writes",
    )
    assert count_changes(here) == [(0, 30), (1, 20)]


def test_place_of_error(site: MakeSite) -> None:
    """An error that has a place is shown there in the file, whatever was put into the statement before it."""
    here = prepare(
        site, "-- transactional: false\n-- batch: 20\nUPDATE t SET n = 1 WHERE id > 0\n    AND nothing = 1;\n"
    )
    failed = here.migrate().of(MigrationFailed)[0]
    assert (failed.failure.line, failed.failure.column) == (4, 9)
    assert failed.failure.message == 'column "nothing" does not exist'


def test_held(site: MakeSite) -> None:
    """While many sessions are waiting for locks, nothing more is changed, and it is said why."""
    here = prepare(site)
    here.query("CREATE TABLE busy ()")
    with hold(here, "LOCK TABLE busy"):
        waiting = [here.connect() for _ in range(6)]
        for one in waiting:
            one.pgconn.send_query(b"LOCK TABLE busy; SELECT 1")
        await_waiting(here, len(waiting))
        with closing(here.steps()) as steps:
            held = [next(event for event in steps if isinstance(event, BatchProgressed) and event.held) for _ in "ab"]
            assert {(event.rows, event.held) for event in held} == {(20, "6 sessions are waiting for locks")}
            assert count_changes(here) == [(0, 30), (1, 20)]
            end_waiting(here)
            for one in waiting:
                one.close()
            rows = [event.rows for event in steps if isinstance(event, BatchProgressed) and not event.held]
    assert rows == [40, 50]
    assert count_changes(here) == [(1, 50)]


TABLES = {
    "0001_t.sql": "CREATE TABLE bare (n int);\nCREATE VIEW seen AS SELECT 1 AS n;\n"
    "CREATE TABLE t (id int PRIMARY KEY, n int);\nCREATE TABLE parent (id int PRIMARY KEY, n int);\n"
    "CREATE TABLE child () INHERITS (parent);\nCREATE TABLE made (a int, id int GENERATED ALWAYS AS (a + 1) STORED "
    "PRIMARY KEY);\nCREATE TABLE parts (id int PRIMARY KEY) PARTITION BY LIST (id);\n"
    "CREATE TABLE part PARTITION OF parts DEFAULT;\nCREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int);\n"
    "INSERT INTO bare VALUES (1);\n"
}
NO_BATCHES = "run the file without batches"
TAKE_OUT = f"remove it, or {NO_BATCHES}"
ELSEWHERE = "insert into another table first, in a separate file"
REFUSED = {
    "no table": ("UPDATE none SET n = 1", "table none does not exist", "create it in an earlier file"),
    "no key": (
        "UPDATE bare SET n = 1",
        "public.bare has no primary key, expected one",
        f"add one, or {NO_BATCHES}",
    ),
    "view": ("UPDATE seen SET n = 1", "public.seen is a view, expected a table", ""),
    "no key in from": (
        "INSERT INTO t SELECT b.n FROM bare AS b, seen",
        "public.bare has no primary key, expected one",
        f"add one, or {NO_BATCHES}",
    ),
    "children": (
        "UPDATE parent SET n = 1",
        "public.parent has child tables, whose rows its primary key does not cover",
        "write ONLY parent, and a file for each child table",
    ),
    "sets its key": (
        "UPDATE t SET n = 1, id = id + 1",
        "sets id, part of the primary key of public.t: a later batch could process the row again",
        NO_BATCHES,
    ),
    "sets what makes its key": (
        "UPDATE made SET a = a + 1",
        "sets id, part of the primary key of public.made: a later batch could process the row again",
        NO_BATCHES,
    ),
    "reads what it writes": (
        "INSERT INTO t SELECT p.id FROM parent AS p, t",
        "inserts into public.t, which it also reads: a later batch could read rows that an earlier one wrote",
        ELSEWHERE,
    ),
    "reads a part of what it writes": (
        "INSERT INTO parts SELECT id + 1 FROM part",
        "inserts into public.parts, which it also reads: a later batch could read rows that an earlier one wrote",
        ELSEWHERE,
    ),
    "aggregate": (
        "INSERT INTO bare SELECT public.total(n) FROM t",
        "total() needs rows that may lie in several batches",
        TAKE_OUT,
    ),
}


@pytest.mark.parametrize(("statement", "reason", "hint"), REFUSED.values(), ids=REFUSED)
def test_refused(site: MakeSite, statement: str, reason: str, hint: str) -> None:
    """What only the catalog tells against a change is found before its first batch: nothing is begun."""
    here = site(TABLES | {"0002_fill.sql": f"-- transactional: false\n-- batch: 20\n{statement};\n"})
    ran = here.migrate()
    assert ran.exit_code == 4
    assert ran.verdict() == Verdict(Result.REFUSED, f"0002_fill: cannot run in batches: {reason}", hint)
    assert here.states() == {1: "applied"}


def await_waiting(here: Site, count: int) -> None:
    """Wait until so many sessions wait for a lock."""
    text = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    wait_until(lambda: here.query(text) == [(count,)])


def end_waiting(here: Site) -> None:
    """End the sessions that wait for a lock."""
    here.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
