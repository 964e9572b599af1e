"""What a reviewed file is run with is what was chosen for the fleet, whatever the tenant has set."""

import pytest

from tests.acceptance.hostile.attack import Attack, By
from tests.acceptance.hostile.fix_hostile import MakeVictim

_OFF = "SET synchronous_commit = off"


@pytest.mark.parametrize("where", ["DATABASE DBNAME", "ROLE RUNNER IN DATABASE DBNAME"])
def test_a_commit_is_durable(victim: MakeVictim, where: str) -> None:
    """A tenant that does not wait for its disk is migrated as one that does: applied is not lost in a crash."""
    one = victim(Attack("durable", f"ALTER {where} {_OFF}", by=By.SUPERUSER))
    one.strike()
    assert one.run("migrate").result.code in (0, 1)
    assert one.query("SELECT setting FROM public.seen WHERE name = 'synchronous_commit'") == [("on",)]


def test_a_string_is_read_as_it_was_reviewed(victim: MakeVictim) -> None:
    """A backslash in a string is a backslash, though the tenant would have it an escape: the DELETE in it is a text."""
    text = "INSERT INTO public.rooms (id, name) VALUES (1, 'a\\''); DELETE FROM public.rooms; --');\n"
    setting = "ALTER DATABASE DBNAME SET standard_conforming_strings = off"
    one = victim(Attack("a DELETE in a string", setting, files={"migrations/tenant/0003_guests.sql": text}))
    one.execute("INSERT INTO public.rooms VALUES (7, 'kept')", By.SUPERUSER)
    one.strike()
    one.run("migrate")
    assert one.query("SELECT count(*) FROM public.rooms WHERE id = 7") == [(1,)]
