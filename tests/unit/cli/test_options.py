"""Options that are not understood: exit code 2, and the values that were expected."""

from typing import Any

import click
import pytest

from tenantry.verbs.usage import describe
from tests.unit.cli.fix_call import USAGE, Call

VERSION = "is not a version, expected a number or a file name, such as 12 or 0012_rates"
BAD_OPTIONS = {
    "migrate --tenantss 1": "--tenantss: not an option of tenantry migrate\nhint: did you mean '--tenants'?",
    "migrate --jobs 0": "--jobs: 0, expected a whole number, 1 or more",
    "migrate --jobs many": "--jobs: 'many', expected a whole number, 1 or more",
    "migrate --lock-wait -1": "--lock-wait: -1.0, expected a number from 0 to 604800",
    "migrate --to latest": f"--to: 'latest' {VERSION}",
    "migrate --to -1": f"--to: '-1' {VERSION}",
    "migrate --format xml": "--format: 'xml', expected one of table, jsonl",
    "migrate 1,16": '1,16: unexpected, expected options only\nhint: to choose tenants, write "--tenants 1,16"',
    "migrate 1 16": '1 16: unexpected, expected options only\nhint: to choose tenants, write "--tenants 1,16"',
    "migrate a_* !16": (
        "'a_*' '!16': unexpected, expected options only\nhint: to choose tenants, write \"--tenants 'a_*,!16'\""
    ),
    "migrate a;b": "'a;b': unexpected, expected options only",
    "migrate --bogus": "--bogus: not an option of tenantry migrate",
    "migrate --server main": "--server: expected NAME=DSN, such as main=host=db.example.org",
    "migrate --server main=": "--server: expected NAME=DSN, such as main=host=db.example.org",
    "migrate --server =x": "--server: expected NAME=DSN, such as main=host=db.example.org",
}


@pytest.mark.parametrize(("arguments", "expected"), BAD_OPTIONS.items(), ids=BAD_OPTIONS)
def test_bad_option(call: Call, arguments: str, expected: str) -> None:
    """An option that is not understood is exit code 2 and names what was expected; nothing is on stdout."""
    ended = call(*arguments.split())
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == USAGE.format("migrate", "migrate", expected)


VALUES: dict[tuple[str, click.ParamType[Any]], str] = {
    ("x is not y", click.INT): "--n: 'x is not y', expected a whole number",
    ("9", click.IntRange(max=5, max_open=True)): "--n: 9, expected a whole number, less than 5",
    ("9", click.IntRange(1, 5, max_open=True)): "--n: 9, expected a whole number, 1 or more and less than 5",
    ("9", click.FloatRange(1, 5)): "--n: 9.0, expected a number from 1 to 5",
    ("9", click.IntRange(max=5)): "--n: 9, expected a whole number, 5 or less",
}


@pytest.mark.parametrize(("value", "kind"), VALUES, ids=str)
def test_bad_value(value: str, kind: click.ParamType[Any]) -> None:
    """A value is told whole, with the bounds that it has to keep."""
    command = click.Command("x", params=[click.Option(["--n"], type=kind)])
    with pytest.raises(click.UsageError) as caught:
        command.main(["--n", value], standalone_mode=False)
    assert describe(caught.value).message == VALUES[value, kind]


def test_version_without_end(call: Call) -> None:
    """A version of more digits than any file has is refused like any other word."""
    version = "1" * 5000
    ended = call("migrate", "--to", version)
    assert (ended.code, ended.out) == (2, "")
    assert f"--to: {version!r} is not a version, expected a number or a file name" in ended.err


REQUIRED = {
    "accept": "accept: no VERSION, expected one",
    "accept 12": "--tenants: missing, expected --tenants 1,16|@LABEL|all",
    "accept 12 --tenants 1": "--reason: missing, expected --reason TEXT",
    "mark 12 --reason x": "--tenants: missing, expected --tenants 1,16|@LABEL|all",
    "forget 12 --tenants 1": "--reason: missing, expected --reason TEXT",
    "completion": "completion: no SHELL, expected one of bash, zsh, fish",
    "completion tcsh": "SHELL: 'tcsh', expected one of bash, zsh, fish",
    "accept 12 13 --tenants 1 --reason x": "13: unexpected, expected nothing after VERSION",
    "migrate --dry-run=1": "--dry-run: with a value, expected it without",
    "new": "new: no NAME, expected one",
    "migrate --tenants": "--tenants: no value, expected one",
}


@pytest.mark.parametrize(("arguments", "expected"), REQUIRED.items(), ids=REQUIRED)
def test_required(call: Call, arguments: str, expected: str) -> None:
    """What changes a ledger by hand has no default for whom and why."""
    ended = call(*arguments.split())
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith(f"error: {expected}\n")


def test_secret_in_an_option(call: Call) -> None:
    """A connection string that is not understood is not repeated: it may hold a password."""
    assert "s3cret" not in call("migrate", "--server", "postgresql://deploy:s3cret@db/").err
