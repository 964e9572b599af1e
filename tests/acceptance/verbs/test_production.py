"""A server whose environment is production: nothing is written there unless a person or an option says so."""

import os
import pty
import subprocess

import pytest

from tenantry.verbs.verb import VERBS, load_verb
from tests.acceptance.fix_command import COMMAND, Fleet, MakeFleet

REASON = ("--reason", "a test")
WRITING = {
    "migrate": ("migrate", "--tenants", "1"),
    "rollback": ("rollback", "1", "--tenants", "1", *REASON),
    "mark": ("mark", "1", "--tenants", "1", *REASON),
    "accept": ("accept", "1", "--tenants", "1", *REASON),
    "forget": ("forget", "1", "--tenants", "1", *REASON),
    "adopt": ("adopt", "--tenants", "1", "--write"),
    "import": ("import", "--from", "yoyo", "migrations/tenant", "--tenants", "1", "--write"),
}
SITE = """\
servers: {main: {dsn: SERVER, environment: production}, beside: SERVER}
tenants:
  migrations: migrations/tenant
  server: main
  database: PREFIX_{id}
  list: [1, {id: 16, server: beside}]
"""
REFUSED = (
    "error: servers.main: the environment is production, expected --yes with a verb that writes\n"
    'hint: check the selection with "tenantry plan", then run the same command with --yes\n'
)


@pytest.fixture
def live(fleet: MakeFleet) -> Fleet:
    """Return a fleet whose server is in production."""
    one = fleet()
    one.configure(SITE)
    return one


def typed(fleet: Fleet, words: str, *args: str) -> tuple[int, str]:
    """Run the command on a terminal where somebody types a line; return its exit code and the report."""
    ours, theirs = pty.openpty()
    os.write(ours, words.encode())
    with subprocess.Popen(
        [str(COMMAND), *args],
        cwd=fleet.folder,
        env=fleet.environment,
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
    ) as process:
        out, _ = process.communicate(timeout=60)
    os.close(theirs)
    said = os.read(ours, 4096).decode()
    os.close(ours)
    return process.returncode, said + out.decode()


@pytest.mark.parametrize("verb", WRITING)
def test_refused(live: Fleet, verb: str) -> None:
    """Without a terminal and without --yes, a verb that writes is refused before any database is touched."""
    before = live.trace("1")
    said = live.run(*WRITING[verb])
    assert (said.code, said.out, said.err) == (2, "", REFUSED)
    assert live.trace("1") == before


def test_every_writing_verb() -> None:
    """Every verb that keeps a reason or applies files knows --yes, and has its case here."""
    knows = {name for name in VERBS if any("--yes" in param.opts for param in load_verb(name).params)}
    writes = {name for name in VERBS if any("--reason" in param.opts for param in load_verb(name).params)}
    assert knows - {"db"} == writes | {"migrate"} == set(WRITING)


def test_free(live: Fleet) -> None:
    """Verbs that read and dry runs need nothing, and with --yes the run is made."""
    assert live.run("status").code == 0
    assert live.run("migrate", "--tenants", "1", "--dry-run").code == 0
    assert live.run("adopt", "--tenants", "1").code == 0
    done = live.run("migrate", "--tenants", "1", "--yes")
    assert (done.code, live.versions("1")) == (0, [0, 1])


def test_typed(live: Fleet) -> None:
    """On a terminal, the name of the environment is as good as the option, and anything else is refused."""
    code, said = typed(live, "prod\n", "migrate", "--tenants", "1")
    assert (code, live.versions("1")) == (2, [])
    assert "this run writes to production: main\r\ntype production to continue: " in said
    assert "'prod' was typed, expected production: nothing was changed" in said
    assert typed(live, "production\n", "migrate", "--tenants", "1")[0] == 0
    assert live.versions("1") == [0, 1]


def test_others(live: Fleet) -> None:
    """A server without an environment asks for nothing, also next to one that does."""
    assert live.run("migrate", "--tenants", "16").code == 0
    assert live.run("migrate").code == 2


def test_bad(live: Fleet) -> None:
    """Another environment is an error: a typing mistake must not leave production open."""
    live.configure(SITE.replace("environment: production", "environment: prodution"))
    said = live.run("status")
    assert said.code == 2
    assert said.err.endswith("servers.main.environment: text, expected production, or no such key\n")
