"""Names as they are typed in SQL."""

import pytest

from tenantry.sqltext.names import quote, quote_qualified


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("rooms", "rooms"),
        ("room_2", "room_2"),
        ("Rooms", '"Rooms"'),
        ("2nd", '"2nd"'),
        ("user", '"user"'),
        ('a"b', '"a""b"'),
    ],
)
def test_quote(name: str, typed: str) -> None:
    """A name is quoted where it would be read as another one, or as a keyword."""
    assert quote(name) == typed


def test_quote_qualified() -> None:
    """A name may have dots of its own: the schema ends at the first one."""
    assert quote_qualified("public.parts") == "public.parts"
    assert quote_qualified("Old.parts.2026") == '"Old"."parts.2026"'
