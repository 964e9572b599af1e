"""Whatever the files of another tool hold, no statement of theirs is lost, doubled or changed."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantry import sqltext
from tenantry.files.directory import read_migrations
from tenantry.takeover.files.conversions import load_conversion, write_files
from tenantry.takeover.files.part import terminate
from tests.builders import unhurried

FUNCTION = "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 1; -- one;\nEND;\n$$"
STATEMENTS = (
    "CREATE TABLE rooms (id integer)",
    "CREATE TABLE notes (text text DEFAULT 'a;b -- c')",
    "INSERT INTO rooms\n\nVALUES (1),\n-- two;\n(2)",
    'CREATE TABLE "größe;" (id integer)',
    "SELECT /* ; */ E'it\\'s; one'",
    "CREATE INDEX CONCURRENTLY rooms_id ON rooms (id)",
    "VACUUM rooms",
    FUNCTION,
    "CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END",
)
COMMENTS = ("", "-- Rooms; and more.\n", "-- depends: rooms\n", "/* a; /* b */ */\n", "\n\n")

# A piece is a comment in front of a statement; a way is a list of pieces; a migration goes up, and perhaps down.
Piece = tuple[str, str]
Way = Sequence[Piece]
Migration = tuple[Way, Way]
Files = Mapping[str, str]

pieces = st.tuples(st.sampled_from(COMMENTS), st.sampled_from(STATEMENTS))
ways = st.lists(pieces, min_size=1, max_size=4)
migrations = st.lists(st.tuples(ways, st.one_of(st.just([]), ways)), min_size=1, max_size=3)


def join(way: Way, end: str = ";\n") -> str:
    return "".join(f"{comment}{statement}{end}" for comment, statement in way)


def write_drizzle(given_: Sequence[Migration]) -> Files:
    """Return a journal, and files whose statements only a breakpoint ends."""
    tags = [f"{number:04}_a" for number, _ in enumerate(given_)]
    entries = [{"when": number, "tag": tag} for number, tag in enumerate(tags)]
    texts = [join(up, "\n--> statement-breakpoint\n") for up, _ in given_]
    return {
        "meta/_journal.json": json.dumps({"entries": entries}),
        **{f"{tag}.sql": text for tag, text in zip(tags, texts, strict=True)},
    }


def write_prisma(given_: Sequence[Migration]) -> Files:
    return {
        f"{number}_a/{name}": join(way)
        for number, (up, down) in enumerate(given_, 1)
        for name, way in (("migration.sql", up), ("down.sql", down))
        if way
    }


def write_dbmate(given_: Sequence[Migration]) -> Files:
    return {
        f"{number}_a.sql": f"-- migrate:up\n{join(up)}\n-- migrate:down\n{join(down)}"
        for number, (up, down) in enumerate(given_, 1)
    }


def write_goose(given_: Sequence[Migration]) -> Files:
    """Return files whose statements only annotations end."""

    def mark(way: Way) -> str:
        return "".join(f"-- +goose StatementBegin\n{join([one], chr(10))}-- +goose StatementEnd\n\n" for one in way)

    return {
        f"{number}_a.sql": f"-- +goose Up\n{mark(up)}-- +goose Down\n{mark(down)}"
        for number, (up, down) in enumerate(given_, 1)
    }


def write_golang_migrate(given_: Sequence[Migration]) -> Files:
    return {
        f"{number}_a.{name}.sql": join(way)
        for number, both in enumerate(given_, 1)
        for name, way in zip(("up", "down"), both, strict=True)
    }


def write_flyway(given_: Sequence[Migration]) -> Files:
    return {
        f"{prefix}1.{number}__a.sql": join(way)
        for number, both in enumerate(given_, 1)
        for prefix, way in zip("VU", both, strict=True)
    }


def write_sqitch(given_: Sequence[Migration]) -> Files:
    when = "2026-03-03T09:00:00Z Ann <ann@studio.example>"
    changes = [f"a{number} {when}\n" for number, _ in enumerate(given_, 1)]
    scripts = {
        f"{name}/a{number}.sql": join(way)
        for number, both in enumerate(given_, 1)
        for name, way in zip(("deploy", "revert"), both, strict=True)
    }
    return {"sqitch.plan": f"%project=studio\n\n{''.join(changes)}", **scripts}


WRITERS: Mapping[str, Callable[[Sequence[Migration]], Files]] = {
    "dbmate": write_dbmate,
    "drizzle": write_drizzle,
    "flyway": write_flyway,
    "golang-migrate": write_golang_migrate,
    "goose": write_goose,
    "prisma": write_prisma,
    "sqitch": write_sqitch,
}


def split(text: str) -> list[str]:
    return [statement.text for statement in sqltext.split(text)]


@pytest.mark.parametrize("tool", sorted(WRITERS))
@settings(unhurried, max_examples=25)
@given(given_=migrations)
def test_statements(tool: str, given_: Sequence[Migration]) -> None:
    """Each file of a tool has the statements of one file of ours, and its way back those of the rollback."""
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name, "source"), Path(name, "target")
        for path, text in WRITERS[tool](given_).items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_text(text)
        write_files(load_conversion(tool)(source), target, 0)
        found = read_migrations(target, "target").migrations
    ups = [[statement for _, statement in up] for up, _ in given_]
    downs = [[statement for _, statement in down] for _, down in given_]
    assert [split(file.text) for file in found] == ups
    if tool != "drizzle":  # It has no way back.
        assert [split(file.rollback or "") for file in found] == downs


@given(statements=st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=3), comment=st.sampled_from(COMMENTS))
@settings(unhurried)
def test_terminate(statements: Sequence[str], comment: str) -> None:
    """SQL gets the one semicolon that it lacks, before the comment behind it, and no second one."""
    whole = "".join(f"{statement};\n" for statement in statements)
    assert terminate(whole + comment) == whole + comment
    assert terminate(whole.removesuffix(";\n") + "\n" + comment) == whole.removesuffix("\n") + "\n" + comment


@pytest.mark.parametrize("text", ["", "\n", *COMMENTS])
def test_nothing_to_end(text: str) -> None:
    """What has no statement gets no semicolon."""
    assert terminate(text) == text
