"""Tenants from a file: the tenants of its rows, or every mistake with its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.config.model import Rules
from tenantry.config.quick import make_plain
from tenantry.config.reading import read
from tenantry.config.rows import convert_row
from tenantry.config.validation import validate_row
from tenantry.model import Server, Tenant
from tenantry.model.errors import ConfigError

HEAD = """servers: {main: host=a, other: host=b}
master: {server: main, database: studio_master, migrations: m}
tenants:
  migrations: migrations/tenant
  server: main
  database: studio_{id}
  role: owner_{id}
"""
RULES = Rules(
    {"main": Server("main", None), "other": Server("other", None)}, {}, "main", "studio_{id}", "", role="owner_{id}"
)


def read_tenants(folder: Path, name: str, text: str | bytes) -> tuple[Tenant, ...]:
    """Return the tenants of a project whose file has this text."""
    (folder / "tenants.yaml").write_text(f"{HEAD}  file: {name}\n")
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(folder / "tenants.yaml", env={}).tenants


def refuse(folder: Path, name: str, text: str | bytes) -> list[str]:
    """Return what is said of a file, each hint behind a bar."""
    with pytest.raises(ConfigError) as caught:
        read_tenants(folder, name, text)
    said = [f"{one.message} | {one.hint}" if one.hint else one.message for one in caught.value.problems]
    return [line.replace(f"{folder}/", "") for line in said]


CSV = (
    '\ufeffid,name,database,server,labels.tier,lock-timeout\r\n1,One,,,internal,\r\n07,"Two, and",own,other,,3s\r\n\r\n'
)
JSONL = """{"id": 1, "name": "One", "labels": {"tier": "internal"}}

{"id": "07", "name": "Two, and", "database": "own", "server": "other", "lock-timeout": "3s"}
"""


@pytest.mark.parametrize(("name", "text"), [("t.csv", CSV), ("t.jsonl", JSONL)], ids=["csv", "jsonl"])
def test_listing(tmp_path: Path, name: str, text: str) -> None:
    """Both forms give the tenants that the list would, in the order of the file."""
    one, two = read_tenants(tmp_path, name, text)
    assert (one.name, one.title, one.database, one.server.name) == ("1", "One", "studio_1", "main")
    assert (one.labels, one.lock_timeout_ms, two.labels) == ((("tier", "internal"),), None, ())
    assert (two.name, two.title, two.database, two.server.name) == ("07", "Two, and", "own", "other")
    assert (one.role, two.role, two.lock_timeout_ms) == ("owner_1", "owner_07", 3000)


KEYS = "id, name, database, server, labels.NAME, lock-timeout, role, pin, ... (9 in all)"
NAMES = "write the names of the columns into the first line"
ID = "expected an integer, or at most 63 letters, digits, _ and -"
SERVERS = "expected one of main, other | did you mean 'main'?"
REFUSED = {
    "unknown-column": (
        "t.csv",
        "id,nmae\n1,One\n",
        [f"t.csv:1: unknown column 'nmae', expected one of {KEYS} | did you mean 'name'?"],
    ),
    "labels": (
        "t.csv",
        "id,labels\n1,x\n",
        [f"t.csv:1: unknown column 'labels', expected one of {KEYS} | did you mean 'labels.NAME'?"],
    ),
    "no-id": ("t.csv", "name\nOne\n", [f"t.csv:1: no column 'id', expected one | {NAMES}"]),
    "column-twice": ("t.csv", "id,id\n1,1\n", ["t.csv:1: column 'id' is there twice, expected it once"]),
    "empty-id": (
        "t.csv",
        "id,name\n1,One\n,Two\n",
        [f"t.csv:3: id: '', {ID}"],
    ),
    "twice": ("t.csv", "id\n1\n2\n1\n", ["t.csv:4: the same tenant is listed twice: 1 (line 2), 1 (line 4)"]),
    "short-row": ("t.csv", "id,name\n1\n", ["t.csv:2: 1 values, expected 2 as in the first line"]),
    "quote": ("t.csv", 'id,name\n1,"One\n', ["t.csv:2: unexpected end of data, expected CSV with commas"]),
    "nobody": ("t.csv", "id,name\n", ["t.csv: no tenants, expected one in each row"]),
    "empty": ("t.jsonl", "", ["t.jsonl: no tenants, expected one in each row"]),
    "latin": ("t.csv", b"id,name\n1,\xe4\n", ["t.csv: not UTF-8, expected a file in UTF-8"]),
    "server": ("t.csv", "id,server\n1,man\n", [f"t.csv:2: server: unknown server 'man', {SERVERS}"]),
    "masters": (
        "t.csv",
        "id,database\n1,studio_master\n",
        ["t.csv:2: database 'studio_master' is used twice: master on 'main' (tenants.yaml), 1 on 'main' (line 2)"],
    ),
    "reserved": ("t.csv", "id\nall\n", ["t.csv:2: id: 'all' is reserved, expected another id"]),
    "null": ("t.jsonl", '{"id": null}\n', [f"t.jsonl:1: id: NULL, {ID}"]),
    "key": (
        "t.jsonl",
        '{"id": 1, "nmae": "x"}\n',
        [
            "t.jsonl:1: nmae: unknown key 'nmae', expected one of id, name, database, server, labels, lock-timeout,"
            " role, pin, ... (9 in all) | did you mean 'name'?"
        ],
    ),
    "key-twice": ("t.jsonl", '{"id": 1, "id": 2}\n', ["t.jsonl:1: a key is given twice, expected an object in JSON"]),
    "deep": ("t.jsonl", "[" * 100_000, ["t.jsonl:1: nested too deeply, expected an object in JSON"]),
    "list": ("t.jsonl", "[1]\n", ["t.jsonl:1: no object, expected one with the keys of a tenant"]),
    "suffix": ("t.txt", "1\n", ["tenants.yaml:8:9: tenants.file: 't.txt', expected a file one of .csv, .jsonl"]),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "said"), REFUSED.values(), ids=REFUSED)
def test_refused(tmp_path: Path, name: str, text: str | bytes, said: list[str]) -> None:
    """A mistake is named with its line; nothing of the file is used."""
    assert refuse(tmp_path, name, text) == said


def test_many_mistakes(tmp_path: Path) -> None:
    """Of very many mistakes the first ones are shown, and their number."""
    said = refuse(tmp_path, "t.csv", "id\n" + "a b\n" * 100)
    assert (len(said), said[-1]) == (21, "t.csv: 80 more mistakes")


def test_missing(tmp_path: Path) -> None:
    """A file that is not there is named."""
    (tmp_path / "tenants.yaml").write_text(f"{HEAD}  file: t.csv\n")
    with pytest.raises(ConfigError, match=r"t\.csv: unreadable \(No such file or directory\), expected the file"):
        read(tmp_path / "tenants.yaml", env={})


TEXTS = st.text(alphabet="a1-_ {}\n\u00e4", max_size=4)
VALUES = TEXTS | st.integers(-1, 9) | st.none() | st.booleans()
ROWS = st.fixed_dictionaries(
    {"id": VALUES},
    optional={
        "name": VALUES,
        "database": TEXTS | st.just("x_{id}") | st.none(),
        "server": st.sampled_from(["main", "other", "", "x"]) | st.none(),
        "labels": st.dictionaries(TEXTS, VALUES, max_size=2) | TEXTS | st.none(),
        "lock-timeout": st.sampled_from(["3s", "", 3]) | st.none(),
        "more": VALUES,
    },
)


@given(ROWS)
def test_plain_rows_are_those_of_the_model(row: dict[str, object]) -> None:
    """A row that is taken to be plain gives the very tenant that the model makes of it."""
    plain = make_plain(row, RULES)
    assert plain is None or plain == validate_row(convert_row(row), RULES)
