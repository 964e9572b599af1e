"""A project that drizzle 0.45 has migrated: its folder, its records and its tenants as that tool left them."""

import shutil

from tests.acceptance.fix_command import Fleet
from tests.places import DATA

RECORDED = DATA / "history" / "drizzle" / "0.45"
OURS = ["0000_rooms.sql", "0001_guests.sql", "0002_bills.sql", "0003_notes.sql"]


def set_up(one: Fleet) -> None:
    """Give a project the folder of drizzle."""
    shutil.copytree(RECORDED / "files", one.folder / "drizzle")
    write_config(one)


def write_config(one: Fleet) -> None:
    """Leave the other tool's own tables out of what is compared."""
    path = one.folder / "tenants.yaml"
    path.write_text(path.read_text("utf-8") + 'drift:\n  ignore: [{name: "drizzle*"}]\n', "utf-8")


def list_files(one: Fleet) -> list[str]:
    return sorted(path.name for path in (one.folder / "migrations/tenant").iterdir())


def import_files(one: Fleet) -> None:
    done = one.run("import", "--files", "--from", "drizzle", "drizzle", "--write")
    assert (done.code, list_files(one)) == (0, OURS), done.err


def run_drizzle(one: Fleet, name: str) -> None:
    """Leave a tenant as drizzle 0.45 did: the third file was passed over, and is not in its records."""
    for file in (OURS[0], OURS[1], OURS[3]):
        one.query(name, (one.folder / "migrations/tenant" / file).read_text("utf-8"))
    one.query(name, (RECORDED / "ledger.sql").read_text("utf-8"))
