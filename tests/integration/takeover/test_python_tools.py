"""Alembic, Django and yoyo: what they recorded is read as they meant it, and their files without running them."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tenantry.model.errors import InputError, Refused
from tenantry.takeover.records.histories import ForeignRecord, SourceFile, load_history
from tests.builders import write_files
from tests.fix_postgres import MakeDatabase
from tests.integration.takeover.fix_recorded import copy_folder, judge, list_relative, reading, recorded

TOOLS = ("alembic", "django", "yoyo")
FOLDERS = {"alembic": "alembic/versions", "django": "django/project", "yoyo": "yoyo/migrations"}

ROOMS, SESSIONS, DESKS = "9f2b1c7d4e10", "1a7c5e3b9d22", "c04e8d6f2a33"
MERGE, DEPOSITS, INVOICES = "5b3d9f1e7c44", "e81f4a2c6b55", "77a0b1c2d3e4"
BELOW = f"below the head {DEPOSITS}: Alembic records only heads"
LOST = "no file has the head gone, so it is unknown whether this revision is below it"
NAME_ALONE = "the hash covers only the name: edits cannot be detected"
HASH_1 = "23103a8a7ff409a2624e5cfb088131f573a8d6b860384abbbfe05cb4f7b8e170"
HASH_2 = "ce3f59da74a9dc3181bc0f805d83f83e073a3f35a626e6ded1a3c95c16898cba"
HASH_3 = "b9292c3851610c70f6b01647d542427c29fbe3c3f8b8bf02a0a0271a7dd48d31"


def at(second: int, microsecond: int) -> datetime:
    """Return a time of the minute in which everything was recorded."""
    return datetime(2026, 11, 22, 16, 58, second, microsecond, tzinfo=UTC)


RECORDS = {
    "alembic": [ForeignRecord(DEPOSITS)],
    "django": [
        ForeignRecord("contenttypes.0001_initial", at(24, 953527)),
        ForeignRecord("contenttypes.0002_remove_content_type_name", at(24, 960782)),
        ForeignRecord("studio.0001_initial", at(24, 966892)),
        ForeignRecord("studio.0002_session", at(24, 973220)),
    ],
    "yoyo": [
        ForeignRecord("0001.rooms", at(27, 374046), HASH_1),
        ForeignRecord("0002.desks", at(28, 135339), HASH_2),
        ForeignRecord("0003.sessions", at(27, 383826), HASH_3),
    ],
}
FILES = {
    "alembic": [
        SourceFile(ROOMS, f"{ROOMS}_rooms.py"),
        SourceFile(SESSIONS, f"{SESSIONS}_sessions.py", follows=(ROOMS,)),
        SourceFile(DESKS, f"{DESKS}_desks.py", follows=(ROOMS,)),
        SourceFile(MERGE, f"{MERGE}_merge.py", follows=(SESSIONS, DESKS)),
        SourceFile(DEPOSITS, f"{DEPOSITS}_deposits.py", follows=(MERGE,)),
        SourceFile(INVOICES, f"{INVOICES}_invoices.py", follows=(DEPOSITS,)),
    ],
    "django": [
        SourceFile(
            "studio.0001_initial",
            "studio/migrations/0001_initial.py",
            follows=("contenttypes.0002_remove_content_type_name",),
        ),
        SourceFile("studio.0002_session", "studio/migrations/0002_session.py", follows=("studio.0001_initial",)),
        SourceFile("studio.0003_deposit", "studio/migrations/0003_deposit.py", follows=("studio.0002_session",)),
    ],
    "yoyo": [
        SourceFile("0001.rooms", "0001.rooms.sql", HASH_1, NAME_ALONE),
        SourceFile("0003.sessions", "0003.sessions.sql", HASH_3, NAME_ALONE, ("0001.rooms",)),
        SourceFile("0002.desks", "0002.desks.py", HASH_2, NAME_ALONE, ("0001.rooms", "0003.sessions")),
        SourceFile(
            "0004.deposits",
            "0004.deposits.sql",
            hashlib.sha256(b"0004.deposits").hexdigest(),
            NAME_ALONE,
            ("0003.sessions",),
        ),
    ],
}
CLAIMS = {
    "alembic": [
        (ROOMS, "cannot verify", BELOW),
        (SESSIONS, "cannot verify", BELOW),
        (DESKS, "cannot verify", BELOW),
        (MERGE, "cannot verify", BELOW),
        (DEPOSITS, "cannot verify", ""),
        (INVOICES, "file without row", ""),
    ],
    "django": [
        ("studio.0001_initial", "cannot verify", ""),
        ("studio.0002_session", "cannot verify", ""),
        ("studio.0003_deposit", "file without row", ""),
        ("contenttypes.0001_initial", "row without file", ""),
        ("contenttypes.0002_remove_content_type_name", "row without file", ""),
    ],
    "yoyo": [
        ("0001.rooms", "match", NAME_ALONE),
        ("0003.sessions", "match", NAME_ALONE),
        ("0002.desks", "match", NAME_ALONE),
        ("0004.deposits", "file without row", NAME_ALONE),
    ],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_what_the_tool_recorded_is_read(tool: str, database: MakeDatabase) -> None:
    """Each row of the tool's own table is a record, with its time in UTC, in a session that cannot write."""
    with reading(database(), recorded(tool)) as connection:
        assert list(load_history(tool).read(connection) or ()) == RECORDS[tool]


@pytest.mark.parametrize("tool", TOOLS)
def test_files_are_listed_in_the_tools_order(tool: str, tmp_path: Path) -> None:
    """The tool's files come after those they depend on, with the hash that the tool itself recorded."""
    assert list_relative(tool, copy_folder(FOLDERS[tool], tmp_path)) == FILES[tool]


@pytest.mark.parametrize("tool", TOOLS)
def test_records_and_files_are_held_together(tool: str, database: MakeDatabase, tmp_path: Path) -> None:
    """What the tool applied has a row and a file, what it did not has a file alone, what is elsewhere a row alone."""
    with reading(database(), recorded(tool)) as connection:
        assert judge(tool, connection, copy_folder(FOLDERS[tool], tmp_path)) == CLAIMS[tool]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_database_without_the_tool_has_no_records(tool: str, database: MakeDatabase) -> None:
    """Where the tool's table is not in its schema there is no history, whatever other schemas have."""
    elsewhere = recorded(tool).replace("public.", "other.")
    with reading(database(), "CREATE SCHEMA other", elsewhere) as connection:
        assert load_history(tool).read(connection) is None


@pytest.mark.parametrize(
    ("tool", "table", "message", "title"),
    [
        pytest.param(
            "alembic",
            "alembic_version (version_num int)",
            "public.alembic_version: has the columns version_num integer, expected version_num text",
            "Alembic",
            id="alembic, another type",
        ),
        pytest.param(
            "django",
            "django_migrations (id int, app text, label text)",
            "public.django_migrations: has the columns id integer, app text, label text,"
            " expected id number, app text, name text, applied time",
            "Django",
            id="django, other columns",
        ),
        pytest.param(
            "yoyo",
            "_yoyo_migration (id varchar(255), ctime timestamp)",
            "public._yoyo_migration: has the columns id character varying(255), ctime timestamp without time zone,"
            " expected migration_id text, migration_hash text, applied_at_utc time",
            "yoyo",
            id="yoyo, before its version 6",
        ),
    ],
)
def test_a_table_with_other_columns_is_refused(
    tool: str, table: str, message: str, title: str, database: MakeDatabase
) -> None:
    """A table of the tool's name that is not the tool's is refused, with what it has and what was expected."""
    with reading(database(), f"CREATE TABLE public.{table}") as connection, pytest.raises(Refused) as refused:
        load_history(tool).read(connection)
    assert str(refused.value) == message
    assert (
        refused.value.hint
        == f"if the table does not belong to {title}, this database has no records of {title} to import"
    )


def test_an_unknown_head_says_nothing_of_what_is_below(database: MakeDatabase, tmp_path: Path) -> None:
    """A head that is in no file is a row without file, and no file is taken for its ancestor."""
    unknown = "UPDATE public.alembic_version SET version_num = 'gone'"
    with reading(database(), recorded("alembic"), unknown) as connection:
        claims = judge("alembic", connection, copy_folder("alembic/versions", tmp_path))
    assert claims == [
        *((name, "file without row", LOST) for name in (ROOMS, SESSIONS, DESKS, MERGE, DEPOSITS, INVOICES)),
        ("gone", "row without file", ""),
    ]


def test_every_branch_of_two_heads_counts(database: MakeDatabase, tmp_path: Path) -> None:
    """With a head on each of two branches, both and what is below them count, and what joins them does not."""
    heads = f"UPDATE public.alembic_version SET version_num = '{SESSIONS}';"
    heads += f"INSERT INTO public.alembic_version VALUES ('{DESKS}')"
    with reading(database(), recorded("alembic"), heads) as connection:
        claims = judge("alembic", connection, copy_folder("alembic/versions", tmp_path))
    assert {name: standing for name, standing, _note in claims} == {
        ROOMS: "cannot verify",
        SESSIONS: "cannot verify",
        DESKS: "cannot verify",
        MERGE: "file without row",
        DEPOSITS: "file without row",
        INVOICES: "file without row",
    }


def test_only_alembic_records_heads_alone() -> None:
    """Of the three only Alembic says that it records its newest revisions alone."""
    assert [tool for tool in TOOLS if load_history(tool).heads_only] == ["alembic"]


def revision(name: str, *lines: str) -> str:
    """Return the text of a revision file."""
    return "\n".join((f"revision = {name!r}", *lines, ""))


def test_the_label_of_a_branch_is_followed(tmp_path: Path) -> None:
    """A revision that depends on a branch by its label comes after the revision that has the label."""
    folder = write_files(
        tmp_path,
        {
            "a.py": revision("a", "down_revision = None", "depends_on = 'billing'"),
            "b.py": revision("b", "down_revision = None", "branch_labels = ('billing',)"),
        },
    )
    assert [(file.id, file.follows) for file in load_history("alembic").list_files(folder)] == [
        ("b", ()),
        ("a", ("b",)),
    ]


def test_nothing_of_the_users_is_run(tmp_path: Path) -> None:
    """A file that would do harm when imported is listed like any other, and does none."""
    harm = "import pathlib\npathlib.Path('harm').write_text('')\nraise SystemExit('\\d')\n"
    versions = write_files(tmp_path / "versions", {"a.py": harm + revision("a", "down_revision = None")})
    apps = write_files(tmp_path / "shop" / "migrations", {"0001_a.py": harm + "class Migration:\n    pass\n"})
    yoyo = write_files(tmp_path / "yoyo", {"0001.py": harm})
    listed = [
        *load_history("alembic").list_files(versions),
        *load_history("django").list_files(apps),
        *load_history("yoyo").list_files(yoyo),
    ]
    assert [file.id for file in listed] == ["a", "shop.0001_a", "0001"]
    assert not list(tmp_path.rglob("harm"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param(
            {"b.py": revision("b", "down_revision = 'a'")},
            "{folder}/b.py: follows revision 'a', which no file of the folder has",
            id="a revision is missing",
        ),
        pytest.param({"a.py": "x = 1\n"}, "{folder}/a.py: no revision, expected revision = '...'", id="no revision"),
        pytest.param(
            {"a.py": "import os\nrevision = os.name\n"},
            "{folder}/a.py:2: revision is computed, expected a constant",
            id="a computed revision",
        ),
        pytest.param(
            {"a.py": revision("a", "down_revision = 7")},
            "{folder}/a.py:2: down_revision is 7, expected a name or several",
            id="a number below",
        ),
        pytest.param(
            {"a.py": "revision = = 1\n"},
            "{folder}/a.py:1: not valid Python: invalid syntax",
            id="not Python",
        ),
        pytest.param(
            {"a.py": revision("x"), "b.py": revision("x")},
            "{folder}/b.py: 'x' is used twice, also by {folder}/a.py",
            id="one revision twice",
        ),
        pytest.param(
            {"a.py": revision("a", "down_revision = 'b'"), "b.py": revision("b", "down_revision = 'a'")},
            "a -> b -> a: depend on each other in a cycle",
            id="a circle",
        ),
    ],
)
def test_a_broken_graph_is_named(files: dict[str, str], message: str, tmp_path: Path) -> None:
    """Revisions of which no order can be made are an error of the input that names the file."""
    write_files(tmp_path, files)
    with pytest.raises(InputError) as raised:
        load_history("alembic").list_files(tmp_path)
    assert str(raised.value) == message.format(folder=tmp_path)


MIGRATION = "class Migration:\n    dependencies = {}\n"


def list_ids(tool: str, folder: Path) -> Sequence[str]:
    return [file.id for file in load_history(tool).list_files(folder)]


def test_django_orders_across_apps(tmp_path: Path) -> None:
    """Migrations come after those of other apps that they depend on; what is computed does not count."""
    swappable = "[migrations.swappable_dependency(settings.AUTH_USER_MODEL), ('zoo', '__latest__')]"
    write_files(tmp_path / "billing" / "migrations", {"0001_a.py": MIGRATION.format(swappable), "__init__.py": ""})
    write_files(tmp_path / "zoo" / "migrations", {"0001_b.py": MIGRATION.format([]), "0002_c.py": MIGRATION.format([])})
    write_files(tmp_path / "last" / "migrations", {"0001_d.py": MIGRATION.format([("zoo", "__first__")])})
    assert list_ids("django", tmp_path) == ["zoo.0001_b", "last.0001_d", "zoo.0002_c", "billing.0001_a"]


def test_django_names_an_app_by_its_label(tmp_path: Path) -> None:
    """The label in apps.py is the app's name, also where the migrations folder itself is given."""
    write_files(tmp_path / "shop", {"apps.py": "class ShopConfig(AppConfig):\n    label = 'store'\n"})
    folder = write_files(tmp_path / "shop" / "migrations", {"0001_a.py": MIGRATION.format([])})
    assert (list_ids("django", tmp_path), list_ids("django", folder)) == (["store.0001_a"], ["store.0001_a"])


def test_installed_packages_are_not_the_project(tmp_path: Path) -> None:
    """Apps of installed packages are left out, whether or not the project uses them."""
    write_files(tmp_path / "shop" / "migrations", {"0001_a.py": MIGRATION.format([])})
    write_files(tmp_path / "env" / "site-packages" / "auth" / "migrations", {"0001_b.py": "raise"})
    write_files(tmp_path / ".cache" / "auth" / "migrations", {"0001_b.py": "raise"})
    assert list_ids("django", tmp_path) == ["shop.0001_a"]


def test_a_squashed_migration_says_what_it_replaces(tmp_path: Path) -> None:
    """The note of a squashed migration names those it stands for."""
    text = "class Migration:\n    replaces = [('shop', '0001_a'), ('shop', '0002_b')]\n"
    write_files(tmp_path / "shop" / "migrations", {"0001_squashed.py": text})
    assert [file.note for file in load_history("django").list_files(tmp_path)] == ["replaces shop.0001_a, shop.0002_b"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({}, "{folder}: no migrations, expected APP/migrations/*.py below it", id="no app"),
        pytest.param(
            {"0001_a.py": "x = 1\n"},
            "{folder}/migrations/0001_a.py: no class Migration, expected a Django migration",
            id="no migration",
        ),
    ],
)
def test_a_folder_that_is_not_djangos_is_named(files: dict[str, str], message: str, tmp_path: Path) -> None:
    """A folder without apps, or a file without a migration, is an error of the input."""
    if files:
        write_files(tmp_path / "migrations", files)
    with pytest.raises(InputError) as raised:
        load_history("django").list_files(tmp_path)
    assert str(raised.value) == message.format(folder=tmp_path)


def test_a_row_whose_hash_is_not_its_names_is_a_mismatch(database: MakeDatabase, tmp_path: Path) -> None:
    """A row of yoyo that was renamed by hand does not match, and one whose file is gone is a row without file."""
    changes = "UPDATE public._yoyo_migration SET migration_id = '0004.deposits' WHERE migration_id = '0002.desks';"
    folder = copy_folder("yoyo/migrations", tmp_path)
    (folder / "0003.sessions.sql").unlink()
    with reading(database(), recorded("yoyo"), changes) as connection:
        assert judge("yoyo", connection, folder) == [
            ("0001.rooms", "match", NAME_ALONE),
            ("0002.desks", "file without row", NAME_ALONE),
            ("0004.deposits", "mismatch", NAME_ALONE),
            ("0003.sessions", "row without file", ""),
        ]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_folder_that_is_not_there_is_named(tool: str, tmp_path: Path) -> None:
    """No folder is an error of the input, not a folder without files."""
    with pytest.raises(InputError) as raised:
        load_history(tool).list_files(tmp_path / "gone")
    assert str(raised.value) == f"{tmp_path}/gone: no such folder, expected the tool's migrations"
