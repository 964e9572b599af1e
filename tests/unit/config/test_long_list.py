"""A long list of tenants, which is read without nodes: it means what any list does, and its mistakes are explained."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tenantry.config import long_list, reading
from tenantry.config.model import Config
from tenantry.model.errors import ConfigError

HEAD = """servers: {main: host=/nowhere, other: host=/elsewhere}
master: {server: main, database: studio_master, migrations: migrations}
"""
TENANTS = "tenants:\n  migrations: migrations\n  server: main\n  database: studio_{id}\n  role: owner_{id}\n  list:\n"
TAIL = "drift: {ignore: [{kind: table, name: x}]}\n"

Parse = Callable[[str], Config]


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch) -> Parse:
    """Return a callable that takes any list for a long one."""
    monkeypatch.setattr(long_list, "_FEWEST_LINES", 0)

    def read_long(text: str) -> Config:
        return reading.parse(text, path=Path("tenants.yaml"), env={})

    return read_long


def parse_otherwise(text: str) -> Config:
    """Return what nodes make of a text."""
    return reading._parse(text, Path("tenants.yaml"), {}, None)


PLAIN = {
    "ids": "    - 1\n    - 16\n    - a-b\n",
    "flow": "    - {id: 1, name: One, labels: {tier: internal, at: 'on'}}\n    - {id: 2, server: other, database: x}\n",
    "block": "    - id: 1\n      name: One\n\n    # two\n    - id: 2\n      labels:\n        tier: trial\n    - 3\n",
    "not indented": "  - 1\n  - 2\n",
    "quoted": "    - '1'\n    - \"02\"\n    - {'id': 'x', name: \"#1: \\u00e9\"}\n",
    "windows": "    - 1\r\n    - 2\r\n",
    "comments": "    # first\n    - 1 # one\n    - 2\n    # last\n",
    "letters": "    - {id: 1, name: \U0001f600 é}\n    - {id: 2, name: ß}\n",
}


@pytest.mark.parametrize("tail", ["", TAIL], ids=["at the end", "before others"])
@pytest.mark.parametrize("case", PLAIN)
def test_plain_lists(parse: Parse, case: str, tail: str) -> None:
    """All that is plain is read without nodes, and means the same."""
    text = f"{HEAD}{TENANTS}{PLAIN[case]}{tail}"
    assert long_list.take_out(text) is not None
    found, expected = parse(text), parse_otherwise(text)
    assert found.tenants == expected.tenants
    assert (found.drift_ignored, found.master) == (expected.drift_ignored, expected.master)


OTHERS = {
    "one": "    - 1\n",
    "pinned": "    - {id: 1, pin: 3}\n    - 2\n",
    "an anchor": "    - {id: 1, labels: &l {a: b}}\n    - {id: 2, labels: *l}\n",
    "a merge": "    - &one {id: 1}\n    - {<<: *one, id: 2}\n",
    "a number": "    - {id: 1, labels: {a: 5}}\n    - 2\n",
    "nothing": "    - {id: 1, name: }\n    - 2\n",
    "a tag": "    - !!str 1\n    - 2\n",
    "a first zero": "    - 01\n    - 2\n",
    "octal": "    - 0o7\n    - 2\n",
    "yes": "    - yes\n    - no\n",
    "other line ends": "    - {id: 1, name: 'a\x85        b'}\n    - 2\n    - {id: 3, name: 'a\x85        b'}\n",
    "on a line of its own": "    - 1\n    -\n      id: 2\n",
    "a list of lists": "    - [1]\n    - 2\n",
    "deep": "    - {id: 1, labels: {a: {b: c}}}\n    - 2\n",
    "a label called id": "    - {id: 1, labels: {id: 5}}\n    - 2\n",
    "a key twice": "    - {id: 1, id: 2}\n    - 3\n",
    "an unknown key": "    - {id: 1, nmae: x}\n    - 2\n",
    "a tenant twice": "    - 1\n    - 2\n    - '1'\n",
    "a database twice": "    - 1\n    - {id: 2, database: studio_1}\n",
    "that of the master": "    - 1\n    - {id: 2, database: studio_master}\n",
    "a reserved id": "    - 1\n    - all\n",
    "an unknown server": "    - 1\n    - {id: 2, server: mian}\n",
    "no YAML": "    - 1\n    - {id: 2\n",
    "a tab": "    - 1\n\t- 2\n",
    "a second document": "    - 1\n    - 2\n---\na: b\n",
    "no text": "    - 1\n    - 2\x07\n",
    "a wrong key below": "    - 1\n    - 2\ndirft: {}\n",
    "a list twice": "    - 1\n    - 2\n  list:\n    - 3\n    - 4\n",
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_lists(parse: Parse, case: str) -> None:
    """All else means what nodes make of it, with the same mistakes at the same places."""
    text = f"{HEAD}{TENANTS}{OTHERS[case]}"
    assert _tell(parse, text) == _tell(parse_otherwise, text)


def _tell(read: Parse, text: str) -> object:
    try:
        return read(text).tenants
    except ConfigError as error:
        return error.problems


def test_places_after_the_list(parse: Parse) -> None:
    """Mistakes after a list that was taken out are where they stand in the file."""
    text = f"{HEAD}{TENANTS}{PLAIN['block']}drift: {{ignore: [{{kind: table}}]}}\n"
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert [problem.message.split(": ")[0] for problem in caught.value.problems] == ["tenants.yaml:17:18"]


def test_short_lists() -> None:
    """A list of a few tenants is not worth it."""
    assert long_list.take_out(f"{HEAD}{TENANTS}{PLAIN['ids']}") is None
