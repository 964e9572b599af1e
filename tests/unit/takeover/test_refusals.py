"""What cannot be converted is refused with its place, all of a folder at once."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tenantry.model.errors import InputError
from tenantry.takeover.files.conversions import load_conversion

OK = "SELECT 1;\n"
OUT = "move it out of the folder"
KEEP = "move it out of the folder and keep it for later"
PLAN = """%syntax-version=1.0.0
%project=studio

rooms 2026-03-03T09:00:00Z Ann <ann@studio.example> # Rooms.
"""
SYNTAX = "correct it: only a server newer than PostgreSQL 18 might know it"
ALONE = "remove it: each statement commits by itself"


def journal(*tags: str) -> str:
    entries = ", ".join(f'{{"when": {number}, "tag": "{tag}"}}' for number, tag in enumerate(tags, 1))
    return f'{{"dialect": "postgresql", "entries": [{entries}]}}'


def refuse(tool: str, folder: Path, given: Mapping[str, str]) -> list[str]:
    """Convert files that are expected to be wrong; return the messages up to their excerpt, each hint behind a bar."""
    for name, text in given.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with pytest.raises(InputError) as caught:
        load_conversion(tool)(folder)
    said = [f"{problem.message.partition(chr(10))[0]} | {problem.hint}" for problem in caught.value.problems]
    return [line.replace(f"{folder}/", "").replace(str(folder), "DIR").removesuffix(" | ") for line in said]


DRIZZLE = {
    "not in the journal": (
        {"meta/_journal.json": journal("0000_a"), "0000_a.sql": OK, "0001_b.sql": OK},
        [
            "0001_b.sql: not in the journal: drizzle never runs it"
            " | move it out of the folder if it must not run; otherwise let drizzle-kit add it to the journal"
        ],
    ),
    "entry without a file": (
        {"meta/_journal.json": journal("0000_a")},
        [
            "meta/_journal.json:1: lists '0000_a', but 0000_a.sql does not exist"
            " | restore the file, or remove its entry from the journal"
        ],
    ),
    "SQL behind a breakpoint": (
        {"meta/_journal.json": journal("0000_a"), "0000_a.sql": f"{OK}SELECT 2;--> statement-breakpoint SELECT 3;\n"},
        [
            "0000_a.sql:2: SQL after --> statement-breakpoint, expected it to end its line"
            " | insert a line break after the breakpoint"
        ],
    ),
    "breakpoint in a string": (
        {"meta/_journal.json": journal("0000_a"), "0000_a.sql": "SELECT 'a--> statement-breakpoint\n';\n"},
        [
            "0000_a.sql:1: --> statement-breakpoint inside a quoted text or comment, which drizzle cuts in two"
            " | move it after the statement"
        ],
    ),
}
PRISMA = {
    "no migration.sql": (
        {"1_a/migration.sql": OK, "2_b/README.md": "", "3_c/notes.txt": ""},
        [
            f"{name}: has no migration.sql, expected one"
            " | restore the file, or delete the folder if Prisma never ran it"
            for name in ("2_b", "3_c")
        ],
    ),
    "other SQL": (
        {"1_a/migration.sql": OK, "1_a/extra.sql": OK, "1_a/more/x.sql": OK},
        [f"{name}: Prisma never runs it | {OUT}" for name in ("1_a/extra.sql", "1_a/more/x.sql")],
    ),
    "a loose file": (
        {"1_a/migration.sql": OK, "2_b.sql": OK},
        [f"2_b.sql: not in a folder of its own: Prisma never runs it | {OUT}"],
    ),
    "two statements that are wrong": (
        {"1_a/migration.sql": "SELECT 1;\n\nSELCT 2;\n", "2_b/migration.sql": "\nSAVEPOINT a;\n\\d rooms\n"},
        [
            f'1_a/migration.sql:3:1: syntax error at or near "SELCT" | {SYNTAX}',
            "2_b/migration.sql:2:1: SAVEPOINT is transaction control, which only tenantry may use"
            " | remove it: the whole file runs in one transaction",
            "2_b/migration.sql:3:1: \\d is a psql command, not SQL"
            " | write the same in SQL: only psql has commands that start with a backslash",
        ],
    ),
    "a key below the header": (
        {"1_a/migration.sql": "SELECT 1;\n\n-- transactional: false\n"},
        ["1_a/migration.sql:3: the comment reads as a header key of tenantry | reword it"],
    ),
    "a wrapper around what cannot be in one": (
        {"1_a/migration.sql": "\nBEGIN;\nVACUUM;\nCOMMIT;\n"},
        [
            f"1_a/migration.sql:{line}:1: {word} is transaction control, which only tenantry may use | {ALONE}"
            for line, word in ((2, "BEGIN"), (4, "COMMIT"))
        ],
    ),
}
DBMATE = {
    "no mark": (
        {"1_a.sql": OK},
        [
            "1_a.sql: markers are none, expected -- migrate:up, then -- migrate:down"
            " | split the file, or correct the markers"
        ],
    ),
    "wrong order": (
        {"1_a.sql": f"-- migrate:down\n{OK}-- migrate:up\n{OK}"},
        [
            "1_a.sql: markers are down, up, expected -- migrate:up, then -- migrate:down"
            " | split the file, or correct the markers"
        ],
    ),
    "nearly a mark": (
        {"1_a.sql": f"-- migrate:up\n{OK}-- Migrate: down\n{OK}"},
        ["1_a.sql:3: almost a marker, which dbmate takes for a comment | correct or reword it"],
    ),
    "SQL before the mark": (
        {"1_a.sql": f"-- Rooms.\n{OK}-- migrate:up\n{OK}"},
        ["1_a.sql:2: before -- migrate:up, expected only comments | move it below the marker"],
    ),
    "option": (
        {"1_a.sql": f"-- migrate:up env:OWNER transaction:false\n{OK}"},
        [
            "1_a.sql:1: option 'env:OWNER' of dbmate cannot be converted, expected transaction:false"
            " | remove it if it has no effect"
        ],
    ),
    "no number": ({"a.sql": OK}, [f"a.sql: no number at the start of its name: dbmate never runs it | {OUT}"]),
    "way back": (
        {"1_a.sql": "-- migrate:up\nSELECT 1;\n-- migrate:down\n\nSELCT 1;\n"},
        [f'1_a.sql:5:1: syntax error at or near "SELCT" | {SYNTAX}'],
    ),
    "empty folder": ({"notes.md": ""}, ["DIR: no migrations of dbmate found | pass the folder of its files"]),
}
GOOSE = {
    "a program": (
        {"1_a.sql": f"-- +goose Up\n{OK}", "2_b.go": "package a\n"},
        ["2_b.go: a program in Go, which cannot be converted | rewrite it as SQL"],
    ),
    "badly named": ({"a.sql": OK}, [f"a.sql: not named VERSION_name.sql: goose never runs it | {OUT}"]),
    "values of the environment": (
        {"1_a.sql": f"-- +goose Up\n-- +goose ENVSUB ON\n{OK}"},
        [
            "1_a.sql:2: ENVSUB ON inserts environment variables into the SQL, whose values are not known here"
            " | insert the values and remove the annotation"
        ],
    ),
    "no Up": ({"1_a.sql": "-- Rooms.\n"}, ["1_a.sql: has no -- +goose Up | add it above the SQL"]),
    "SQL before Up": (
        {"1_a.sql": f"{OK}-- +goose Up\n"},
        ["1_a.sql:1: before -- +goose Up, expected only comments | move it below the annotation"],
    ),
    "annotations": (
        {
            "1_a.sql": "-- +goose Down\n-- +goose Up\n-- +goose StatementEnd\n -- +goose Down\n-- +goose Upp\n"
            "-- +goose Up\n-- +goose StatementBegin\n-- +goose StatementBegin\n-- +goose Down\n"
        },
        [
            "1_a.sql:1: Down is out of place | correct it",
            "1_a.sql:3: StatementEnd is out of place | correct it",
            "1_a.sql:4: almost an annotation of goose, expected the line to start with -- +goose | correct it",
            "1_a.sql:5: 'Upp' is not an annotation of goose that can be converted | correct it",
            "1_a.sql:6: Up is out of place | correct it",
            "1_a.sql:8: StatementBegin is out of place | correct it",
            "1_a.sql:9: Down is out of place | correct it",
            "1_a.sql:7: StatementBegin without StatementEnd | correct it",
        ],
    ),
    "below annotations": (
        {"1_a.sql": "-- +goose Up\n-- +goose StatementBegin\nSELECT 1\n-- +goose StatementEnd\nSELCT 2;\n"},
        [f'1_a.sql:5:1: syntax error at or near "SELCT" | {SYNTAX}'],
    ),
}
GOLANG_MIGRATE = {
    "way back of nothing": (
        {"1_a.up.sql": OK, "2_b.down.sql": OK},
        ["2_b.down.sql: no .up.sql of version 2 next to it | delete it"],
    ),
    "two ways back": (
        {"1_a.up.sql": OK, "1_a.down.sql": OK, "01_b.down.sql": OK},
        ["1_a.down.sql: version 1 already has a .down.sql: 01_b.down.sql"],
    ),
    "badly named": (
        {"1_a.up.sql": OK, "2_b.sql": OK},
        [f"2_b.sql: not named VERSION_name.up.sql: golang-migrate never runs it | {OUT}"],
    ),
}
FLYWAY = {
    "what else Flyway runs": (
        {
            "V1__a.sql": OK,
            "B2__b.sql": OK,
            "V3__c.java": "",
            "afterMigrate.sql": OK,
            "beforeEachMigrate__x.sql": OK,
            "V2_a.sql": OK,
            "V4__d.sql.conf": "",
        },
        [
            "B2__b.sql: a baseline migration, which replaces all versions up to its own"
            " | move it out of the folder: the V files make the same changes",
            f"V2_a.sql: not named V1__title.sql, so Flyway never runs it | {OUT}",
            "V3__c.java: a program, which cannot be converted | rewrite it as SQL",
            "V4__d.sql.conf: no V4__d.sql next to it | delete it",
            f"afterMigrate.sql: a callback of Flyway, which cannot be converted | {KEEP}",
            f"beforeEachMigrate__x.sql: a callback of Flyway, which cannot be converted | {KEEP}",
        ],
    ),
    "placeholders": (
        {"V1__a.sql": "CREATE SCHEMA ${owner};\nCREATE SCHEMA ${flyway:user};\n"},
        [
            "V1__a.sql:1: placeholder ${owner}, whose value is not known here | replace it with its value",
            "V1__a.sql:2: placeholder ${flyway:user}, whose value is not known here | replace it with its value",
        ],
    ),
    "settings": (
        {"V1__a.sql": OK, "V1__a.sql.conf": "executeInTransaction=maybe\n# a\n\nshouldExecute=false\nencoding\n"},
        [
            f"V1__a.sql.conf:{line}: {text!r} cannot be converted, expected executeInTransaction=false"
            " | remove the line"
            for line, text in ((1, "executeInTransaction=maybe"), (4, "shouldExecute=false"), (5, "encoding"))
        ],
    ),
    "undo": (
        {"V1__a.sql": OK, "U1__a.sql": OK, "U1.0__b.sql": OK, "U2__c.sql": OK},
        [
            "U1__a.sql: undoes the same version as U1.0__b.sql",
            "U2__c.sql: undoes a version without a V file | delete it",
        ],
    ),
}
SQITCH = {
    "no script": (
        {"sqitch.plan": PLAN, "revert/rooms.sql": OK},
        [
            "deploy/rooms.sql: in the plan, but without a deploy script"
            " | restore the script, or remove the change from the plan"
        ],
    ),
    "not planned": (
        {"sqitch.plan": PLAN, "deploy/rooms.sql": OK, "deploy/a.sql": OK, "revert/b/c.sql": OK, "verify/d.sql": OK},
        [
            f"{name}: not in sqitch.plan, so Sqitch never runs it | move it out of the folder"
            for name in ("deploy/a.sql", "revert/b/c.sql", "verify/d.sql")
        ],
    ),
    "commands of psql": (
        {"sqitch.plan": PLAN, "deploy/rooms.sql": "-- Deploy\n\\set a 1\nSELECT :a;\n"},
        [
            "deploy/rooms.sql:2:1: \\set is a psql command, not SQL"
            " | write the same in SQL: only psql has commands that start with a backslash",
            "deploy/rooms.sql:3:8: :a is a psql variable, not SQL | write its value: only psql replaces variables",
        ],
    ),
    "two transactions": (
        {"sqitch.plan": PLAN, "deploy/rooms.sql": "BEGIN;\nSELECT 1;\nCOMMIT;\nBEGIN;\nSELECT 2;\nCOMMIT;\n"},
        [
            f"deploy/rooms.sql:{line}:1: {word} is transaction control, which only tenantry may use"
            " | remove it: the whole file runs in one transaction"
            for line, word in ((1, "BEGIN"), (3, "COMMIT"), (4, "BEGIN"), (6, "COMMIT"))
        ],
    ),
}
CASES = {
    "drizzle": DRIZZLE,
    "prisma": PRISMA,
    "dbmate": DBMATE,
    "goose": GOOSE,
    "golang-migrate": GOLANG_MIGRATE,
    "flyway": FLYWAY,
    "sqitch": SQITCH,
}


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        pytest.param(tool, given, said, id=f"{tool}, {case}")
        for tool, cases in CASES.items()
        for case, (given, said) in cases.items()
    ],
)
def test_refused(tool: str, given: Mapping[str, str], said: list[str], tmp_path: Path) -> None:
    """Each thing that would be lost, or could not run, is named with its place."""
    assert refuse(tool, tmp_path, given) == said


def test_excerpt(tmp_path: Path) -> None:
    """A wrong statement is shown as it stands in the other tool's file."""
    path = tmp_path / "1_a.sql"
    path.write_text("-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\nSELECT FROM FROM;\n")
    with pytest.raises(InputError) as caught:
        load_conversion("goose")(tmp_path)
    assert str(caught.value) == (
        f'{path}:5:13: syntax error at or near "FROM"\n'
        "4 | -- +goose StatementEnd\n"
        "5 | SELECT FROM FROM;\n"
        "  |             ^"
    )


@pytest.mark.parametrize("tool", sorted(CASES))
def test_absent(tool: str, tmp_path: Path) -> None:
    """A folder that is not there is refused by its name."""
    folder = tmp_path / "absent"
    with pytest.raises(InputError) as caught:
        load_conversion(tool)(folder)
    assert str(caught.value) == f"{folder}: no such folder, expected the tool's migrations"
