"""What is no YAML, and how YAML is read."""

from pathlib import Path

import pytest
import yaml

import tenantry.config.document
from tenantry.config.reading import read
from tests.unit.config.cases import DATA, ENVIRONMENT, EXAMPLE, GOOD, refuse, refuse_file


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_slow_loader(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML has no libyaml, a file means the same."""
    fast = read(path, env=ENVIRONMENT)
    monkeypatch.setattr(tenantry.config.document, "_LOADER", yaml.SafeLoader)
    assert read(path, env=ENVIRONMENT) == fast


def test_line_ends(tmp_path: Path) -> None:
    """A byte-order mark and CRLF make no difference, not even to positions."""
    path = tmp_path / "tenants.yaml"
    path.write_bytes("\ufeff".encode() + (DATA / "minimal.yaml").read_bytes().replace(b"\n", b"\r\n"))
    assert [tenant.name for tenant in read(path, env={}).tenants] == ["1", "2"]
    path.write_bytes("\ufeffservers: 5\r\nx: é\r\n".encode())
    assert refuse_file(path) == [
        "tenants.yaml:1:1: tenants: missing, expected a mapping with migrations, server, database"
        " and list, query or file",
        "tenants.yaml:1:10: servers: a number, expected a mapping of names to connection strings",
        "tenants.yaml:2:1: unknown key 'x', expected one of servers, master, tenants, ledger, session, lint, drift,"
        " scratch, ... (16 in all)",
    ]


TEXTS: dict[str, tuple[str, str]] = {
    "empty": ("", f"tenants.yaml: empty, expected servers and tenants | start with this:\n{EXAMPLE}"),
    "blank": (" \n\n", f"tenants.yaml: empty, expected servers and tenants | start with this:\n{EXAMPLE}"),
    "comments": ("# c\n", f"tenants.yaml: only comments, expected servers and tenants | start with this:\n{EXAMPLE}"),
    "two-documents": (
        "a: 1\n---\nb: 2\n",
        "tenants.yaml:2:1: a second YAML document, expected one | remove the line --- and everything after it",
    ),
    "tab": ("a:\n  é:\n\tb: 1\n", "tenants.yaml:3:1: a tab, expected spaces | indent with spaces"),
    "tab-after-mark": ("\ufeffa:\n\tb: 1\n", "tenants.yaml:2:1: a tab, expected spaces | indent with spaces"),
    "nul": ("a: b\nc: é\0\n", "tenants.yaml:2:5: invalid character U+0000, expected text in UTF-8"),
    "escape": ("a: \x1b[31m\n", "tenants.yaml:1:4: invalid character U+001B, expected text in UTF-8"),
    "surrogate": ("a: \udcff\n", "tenants.yaml:1:4: invalid character U+DCFF, expected text in UTF-8"),
    "nested-flow": ("[" * 100_000, "tenants.yaml:1:1: nested too deeply, expected servers and tenants"),
    "nested-block": ("a:\n  " + "- " * 9_000, "tenants.yaml:2:1: nested too deeply, expected servers and tenants"),
    "nested-lines": (
        "".join(f"{' ' * depth}a:\n" for depth in range(150)),
        "tenants.yaml:102:102: nested too deeply, expected servers and tenants",
    ),
}


@pytest.mark.parametrize(("text", "said"), TEXTS.values(), ids=TEXTS)
def test_text_refused(text: str, said: str) -> None:
    """A text that holds no single sane document is refused where it goes wrong."""
    assert said in refuse(text)


YAML = {
    "unclosed-list": (
        "a: [1\nb: 2\n",
        "2:2: invalid YAML: while parsing a flow sequence, did not find expected ',' or ']'"
        " | close the bracket that line 1 opens, and put commas between its values",
    ),
    "unclosed-quote": (
        "a: 'x\n",
        "2:1: invalid YAML: while scanning a quoted scalar, found unexpected end of stream"
        " | close the quotes that line 1 opens",
    ),
    "reserved": (
        "a: @b\n",
        "1:4: invalid YAML: while scanning for the next token, found character that cannot start any token"
        " | put a value that begins with @, % or ` in quotes",
    ),
    "odd-indent": (
        "a:\n  b: 1\n c: 2\n",
        "3:2: invalid YAML: while parsing a block mapping, did not find expected key"
        " | indent all keys of one mapping alike; its first one is in line 1",
    ),
    "backslash": (
        'a: "\\q"\n',
        "1:5: invalid YAML: while parsing a quoted scalar, found unknown escape character"
        " | put the value in single quotes",
    ),
    "colon-in-text": (
        "a: é b: c\n",
        "1:7: invalid YAML: mapping values are not allowed in this context"
        " | put a value that contains a colon and a space in quotes",
    ),
    "text-after-a-bracket": (
        "a:\n  b: 1\n  c: {id}_x\n",
        "3:10: invalid YAML: while parsing a block mapping, did not find expected key"
        " | put a value that begins with { or [ in quotes",
    ),
    "nothing-more": ("[", "2:1: invalid YAML: while parsing a flow node, did not find expected node content"),
    "undefined-alias": (
        "a: *b\n",
        "1:4: invalid YAML: found undefined alias | put a value that begins with * in quotes",
    ),
    "outdented": (
        "- a\nb: 1\n",
        "2:1: invalid YAML: while parsing a block collection, did not find expected '-' indicator",
    ),
}


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="the wording is libyaml's")
@pytest.mark.parametrize(("text", "said"), YAML.values(), ids=YAML)
def test_yaml_refused(text: str, said: str) -> None:
    """A syntax error is named by its line and column, both from 1, columns counting characters."""
    assert refuse(text) == [f"tenants.yaml:{said}"]


BYTES = {
    "utf-16-le": ("a: b".encode("utf-16-le"), "tenants.yaml:1:2: invalid character U+0000, expected text in UTF-8"),
    "utf-16-bom": ("a: é".encode("utf-16"), "tenants.yaml: UTF-16, expected UTF-8 | save the file as UTF-8"),
    "utf-16-be-bom": (b"\xfe\xff\0a", "tenants.yaml: UTF-16, expected UTF-8 | save the file as UTF-8"),
    "latin-1": (
        "é: 1\n".encode() + "é: né".encode("latin-1"),
        "tenants.yaml:2:1: invalid byte 0xe9, expected UTF-8 | save the file as UTF-8",
    ),
    "latin-1-later": (
        "\ufeffé: né".encode() + b"\xe9",
        "tenants.yaml:1:6: invalid byte 0xe9, expected UTF-8 | save the file as UTF-8",
    ),
}


@pytest.mark.parametrize(("raw", "said"), BYTES.values(), ids=BYTES)
def test_bytes_refused(raw: bytes, said: str, tmp_path: Path) -> None:
    """A file that is not UTF-8 is refused, with the place of the first byte that is none."""
    path = tmp_path / "tenants.yaml"
    path.write_bytes(raw)
    assert refuse_file(path) == [said]
