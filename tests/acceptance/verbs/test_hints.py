"""The commands that reports tell to type: each parses, is no wider than what was chosen, and leads on.

Each case is a state, and the command whose report advises something there. Every advised command that writes is run in
that state; then the one of the report's last line, or else the first command again, has to end well.
"""

import ast
import re
import shlex
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest

from tenantry.cli import cli
from tests.acceptance.fix_command import FILES, RATES, ROOMS, Fleet, MakeFleet, Result, find_commands
from tests.places import DATA, ROOT

HEAD = "-- transactional: false\n"
NOTES = "CREATE TABLE notes ();\n"
BLOCKED = HEAD + "CALL step();\nSELECT 1;\n"
PROCEDURE = "CREATE PROCEDURE step() LANGUAGE plpgsql AS $$ BEGIN COMMIT; PERFORM pg_advisory_lock(77); END $$;\n"
FAILING = HEAD + "CREATE TABLE one ();\nSELECT 1 / 0;\n"
MENDED = FAILING.replace("1 / 0", "1")
BATCH = HEAD + "-- batch: 1\nUPDATE rooms SET name = 'x' WHERE name <> 'x';\n"
ADVISED = {"migrate", "accept", "mark", "forget", "rollback", "adopt", "import"}
# What is read and leads to no change; tried as the others are.
READING = {"status", "log", "verify", "drift", "db", "new"}

Step = Callable[[Fleet], object]


def nothing(one: Fleet) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Case:
    """A state, the command that advises, and what a person does beforehand where the hint says so (`mend`).

    `advised` are the commands as they are printed, each with the exit code that it ends with; `then` is the exit code
    of the command after it. `where` are the modules that word the hints.
    """

    command: str
    advised: dict[str, int]
    where: tuple[str, ...]
    files: dict[str, str] = field(default_factory=lambda: dict(FILES))
    before: Step = nothing
    mend: Step = nothing
    then: int = 0
    created: bool = True


def migrated(*steps: Step, to: str = "") -> Step:
    """Return what migrates tenant 1, and then does more."""

    def make(one: Fleet) -> None:
        assert one.run("migrate", "--tenants", "1", *(["--to", to] if to else [])).code == 0
        for step in steps:
            step(one)

    return make


def failed(*steps: Step) -> Step:
    """Return what lets tenant 1 fail, and then does more."""

    def make(one: Fleet) -> None:
        assert one.run("migrate", "--tenants", "1").code == 3
        for step in steps:
            step(one)

    return make


def query(statement: str) -> Step:
    """Return what runs a statement in tenant 1."""
    return lambda one: one.query("1", statement)


def write(name: str, text: str) -> Step:
    """Return what writes a file."""
    return lambda one: one.write(name, text)


def remove(name: str) -> Step:
    """Return what deletes a file."""
    return lambda one: one.remove(name)


def doubt(one: Fleet) -> None:
    """Leave a CALL of which nobody knows whether it took effect."""
    assert one.run("migrate", "--to", "1", "--tenants", "1").code == 0
    with one.session("1") as beside:
        beside.execute("SELECT pg_advisory_lock(77)")
        beside.commit()
        with one.start("migrate", "--tenants", "1", "--allow", "unmeasured") as runner:
            pid = one.await_activity("1", "CALL step", waits_for="Lock")
            beside.execute("SELECT pg_terminate_backend(%s)", [pid])
            beside.commit()
            runner.communicate()
    one.await_quiet("1")


def drizzle(one: Fleet) -> None:
    """Leave tenant 1 as another tool did, with one record whose number alone fits."""
    shutil.copytree(DATA / "history" / "drizzle" / "0.45" / "files", one.folder / "drizzle")
    path = one.folder / "tenants.yaml"
    path.write_text(path.read_text("utf-8") + 'drift:\n  ignore: [{name: "drizzle*"}]\n', "utf-8")
    one.query("1", (DATA / "history" / "drizzle" / "0.45" / "ledger.sql").read_text("utf-8"))


T = "--tenants 1"
EDITED = RATES + "SELECT 1;\n"
CASES = {
    "edited": Case(
        f"migrate {T}",
        {f"accept 1 {T} --reason ...": 0},
        ("planning/words.py",),
        before=migrated(write("0001_rates.sql", EDITED)),
    ),
    "gone": Case(
        f"migrate {T}",
        {"log --version 1 --sql --tenants=1": 0, f"forget 1 {T} --reason ...": 0},
        ("planning/words.py",),
        before=migrated(remove("0001_rates.sql")),
        mend=query("ALTER TABLE rooms DROP COLUMN rate"),
    ),
    "gone, and its record changed": Case(
        f"migrate {T}",
        {f"forget 1 {T} --reason ...": 0},
        ("planning/words.py",),
        before=migrated(query("UPDATE _migrations SET sql_text = 'x' WHERE version = 1"), remove("0001_rates.sql")),
        mend=query("ALTER TABLE rooms DROP COLUMN rate"),
    ),
    "two late files": Case(
        f"migrate {T}",
        {f"migrate {T} --out-of-order 1 --out-of-order 2": 0},
        ("planning/words.py",),
        files={"0000_rooms.sql": ROOMS, "0003_notes.sql": NOTES},
        before=migrated(write("0001_a.sql", "CREATE TABLE a ();"), write("0002_b.sql", "CREATE TABLE b ();")),
    ),
    "unfinished": Case(
        f"verify {T}",
        {f"migrate {T}": 0},
        ("planning/words.py",),
        files={"0000_half.sql": FAILING},
        before=failed(),
        mend=write("0000_half.sql", MENDED),
    ),
    "unfinished, edited": Case(
        f"migrate {T}",
        {f"mark 0 {T} --reason ...": 4, f"forget 0 {T} --reason ...": 0},
        ("planning/words.py",),
        files={"0000_half.sql": FAILING},
        before=failed(write("0000_half.sql", MENDED.replace("one ()", "two ()"))),
        # Applied, and the table that its first half created is found to be too much.
        then=1,
    ),
    "unfinished, gone": Case(
        f"migrate {T}",
        {f"forget 1 {T} --reason ...": 0},
        ("planning/words.py",),
        files={"0000_rooms.sql": ROOMS, "0001_half.sql": FAILING},
        before=failed(query("DROP TABLE one"), remove("0001_half.sql")),
    ),
    "failed outside a transaction": Case(
        f"migrate {T}",
        {f"migrate {T}": 0, f"mark 0 {T} --reason ...": 0, f"forget 0 {T} --reason ...": 0},
        ("planning/words.py",),
        files={"0000_half.sql": FAILING},
        mend=write("0000_half.sql", MENDED),
        # Once it is forgotten, the file runs from its start again, and meets the table that it created before.
        then=3,
    ),
    "in doubt": Case(
        f"migrate {T} --allow unmeasured",
        {
            f"migrate --allow unmeasured {T} --resume-at 1": 0,
            f"migrate --allow unmeasured {T} --resume-at 2": 0,
            f"mark 2 {T} --reason ...": 0,
        },
        ("planning/words.py",),
        files={"0000_rooms.sql": ROOMS, "0001_step.sql": PROCEDURE, "0002_call.sql": BLOCKED},
        before=doubt,
    ),
    "a danger": Case(
        f"migrate --to 2 {T}",
        {f"migrate --to 2 {T} --allow column-type": 0},
        ("lint/gate.py",),
        files={**FILES, "0002_type.sql": "ALTER TABLE rooms ALTER COLUMN id TYPE bigint;\n", "0003_notes.sql": NOTES},
        before=migrated(query("INSERT INTO rooms SELECT n, 'n' FROM generate_series(1, 50000) AS n"), to="1"),
    ),
    "no database": Case(
        f"migrate {T}",
        {f"migrate {T} --create": 0},
        ("fleet/missing.py",),
        created=False,
    ),
    "no database, read": Case(f"status {T}", {f"migrate {T} --create": 0}, ("fleet/missing.py",), created=False),
    "renamed": Case(
        f"verify {T}",
        {f"accept 1 {T} --reason ...": 0},
        ("proof/findings.py",),
        before=migrated(remove("0001_rates.sql"), write("0001_prices.sql", RATES)),
    ),
    "a pending repeatable": Case(
        f"verify {T}",
        {f"migrate {T}": 0},
        ("proof/findings.py", "proof/prover.py"),
        before=migrated(
            lambda one: (one.folder / "migrations/tenant/repeatable").mkdir(),
            write("repeatable/v.sql", "CREATE OR REPLACE VIEW v AS SELECT 1 AS one;\n"),
        ),
    ),
    "late, and taken over": Case(
        f"verify {T}",
        {f"adopt {T} --assume 1 --write": 0},
        ("proof/findings.py",),
        files={"0000_rooms.sql": ROOMS, "0001_data.sql": "SELECT 1;\n", "0002_notes.sql": NOTES},
        before=lambda one: (one.query("1", ROOMS + NOTES), one.run("adopt", "--tenants", "1", "--write")),
    ),
    "rolled back below others": Case(
        f"rollback 0 {T} --reason x",
        {},
        ("planning/undo.py",),
        before=migrated(),
        then=4,
    ),
    "rolled back from the middle": Case(
        f"rollback 2 {T} --reason x",
        {f"rollback --to 0 {T} --reason ...": 0},
        ("planning/undo.py",),
        files={
            "0000_rooms.sql": ROOMS,
            "0002_a.sql": "CREATE TABLE a ();",
            "0002_a.rollback.sql": "DROP TABLE a;",
            "0003_b.sql": "CREATE TABLE b ();",
            "0003_b.rollback.sql": "DROP TABLE b;",
        },
        before=migrated(),
    ),
    "a rollback outside a transaction": Case(
        f"rollback 1 {T} --reason x",
        {f"forget 1 {T} --reason ...": 0},
        ("apply/rollback.py",),
        files={
            "0000_rooms.sql": ROOMS,
            "0001_a.sql": "CREATE TABLE a ();",
            "0001_a.rollback.sql": HEAD + "DROP TABLE a;",
        },
        before=migrated(),
        # Nothing is left to roll back, and its table is found to be too much.
        then=1,
    ),
    "nothing to see": Case(
        f"adopt {T}",
        {f"adopt {T} --assume 1 --write": 0},
        ("verbs/adopt.py",),
        files={"0000_rooms.sql": ROOMS, "0001_data.sql": "SELECT 1;\n"},
        before=query(ROOMS),
    ),
    "recorded and not there": Case(
        f"adopt {T}",
        {f"forget 1 {T} --reason ...": 0},
        ("takeover/adoption.py",),
        before=migrated(query("ALTER TABLE rooms DROP COLUMN rate")),
    ),
    "no migration for a record": Case(
        f"import --from drizzle drizzle {T}",
        {"import --files --from drizzle drizzle": 0},
        ("verbs/import_.py",),
        files={"0009_other.sql": NOTES},
        before=drizzle,
        then=1,
    ),
    "a batch that changed": Case(
        f"migrate {T}",
        {f"forget 1 {T} --reason ...": 0},
        ("apply/batch/cut.py",),
        files={"0000_rooms.sql": ROOMS + "INSERT INTO rooms SELECT n, 'y' || n FROM generate_series(1, 9) AS n;\n"},
        before=migrated(
            write("0001_fill.sql", BATCH.replace("'x' WHERE", "(1 / (5 - id))::text WHERE")),
            lambda one: one.run("migrate", "--tenants", "1"),
            write("0001_fill.sql", BATCH),
        ),
    ),
    "a file that asks first": Case(
        f"migrate --dry-run {T}",
        {},
        (),
        files={**FILES, "0002_notes.sql": "-- require: SELECT count(*) > 0 FROM rooms\n" + NOTES},
        before=migrated(to="1"),
    ),
}
FOLLOWED = [
    pytest.param(name, command, id=f"{name}: {command}") for name, case in CASES.items() for command in case.advised
]


def prepare(fleet: MakeFleet, case: Case) -> tuple[Fleet, Result]:
    """Return a fleet in the state of a case, and the report of the command that advises something there."""
    one = fleet(tenants=["1", "16"], files=case.files, created=case.created)
    case.before(one)
    return one, one.run(*shlex.split(case.command))


def commands_of(done: Result) -> list[str]:
    """Return the advised commands of a report, without the name of the program."""
    return [command.removeprefix("tenantry ") for command in find_commands(done.out + done.err)]


def last_of(done: Result) -> str:
    """Return the command of the report's last line; empty if there is none."""
    last = re.search(r"^(?:next|after fixing that): tenantry (.*)$", done.out, re.MULTILINE)
    return last[1] if last else ""


def parse(command: str) -> click.Context:
    """Return a command as the command line reads it. Raises click.UsageError."""
    verb, *words = shlex.split(command)
    found = cli.get_command(click.Context(cli), verb)
    assert found, f"{verb} is not a verb"
    return found.make_context(verb, words)


@pytest.mark.parametrize("name", CASES)
def test_advised_commands(fleet: MakeFleet, name: str) -> None:
    """A report advises just these commands; they parse, and are for the tenant that was chosen and no other."""
    case = CASES[name]
    _, done = prepare(fleet, case)
    assert done.code != 0, done.out
    found = commands_of(done)
    hints = [command for command in found if command != last_of(done) or command in case.advised]
    assert {one for one in hints if one.split()[0] in ADVISED | {"log"}} == set(case.advised), done.out + done.err
    for command in found:
        context = parse(command)
        if "tenants" in context.params and context.command.name != "import":
            assert context.params["tenants"] == "1", command


@pytest.mark.parametrize(("name", "command"), FOLLOWED)
def test_followed(fleet: MakeFleet, name: str, command: str) -> None:
    """An advised command does what it says, and after it the run gets further than before."""
    case = CASES[name]
    one, done = prepare(fleet, case)
    case.mend(one)
    followed = one.shell(f"tenantry {command}")
    assert followed.code == case.advised[command], followed.out + followed.err
    verb = command.split(maxsplit=1)[0]
    if followed.code:
        # What the catalog denies is not recorded: the person is told how, if it is true all the same.
        assert [one for one in commands_of(followed) if one.startswith(f"{verb} ")], followed.out
    elif verb not in READING and not (verb == "import" and "--write" not in command):
        again = one.shell(f"tenantry {last_of(done) or case.command}")
        assert again.out != done.out
        assert again.code in (0, case.then), again.out + again.err
    assert one.versions("16") == [] if case.created else not one.exists("16")


def test_every_hint_has_a_case() -> None:
    """Every module whose hints advise a command that writes has a case here, or stands in this list with a reason."""
    elsewhere = {
        "reports/plan.py",
        "verbs/verify.py",  # the embedded server, see test_embedded
        "verbs/drift.py",  # as verify
        "verbs/db.py",  # as verify
    }
    covered = {where for case in CASES.values() for where in case.where} | elsewhere
    assert set(_list_advising(ROOT / "runner")) <= covered


def _list_advising(package: Path) -> Iterable[str]:
    """Yield the modules with a string that quotes a command of tenantry that writes."""
    for path in sorted(package.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        texts = [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        if any(re.search(rf'"tenantry ({"|".join(ADVISED)})\\b', text) for text in texts):
            yield str(path.relative_to(package))
