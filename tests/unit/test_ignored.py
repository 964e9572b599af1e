"""Nothing that is typed is ignored: extra words, and options that contradict one another, are errors."""

import shlex
import sys
from pathlib import Path

import pytest

from tenantry.cli import main
from tests.builders import write_files

WHY = "--tenants 1 --reason x"
FILES = {
    "tenants.yaml": "servers: {main: embedded, other: host=nowhere}\ntenants:\n  migrations: m\n  server: main\n"
    "  database: tenant_{id}\n  list: [1, {id: 3, server: other}]\n",
    "m/0000_rooms.sql": "CREATE TABLE rooms ();\n",
    "m/0001_rates.sql": "CREATE TABLE rates ();\n",
}

# What is refused before a database is opened, with the words of the error.
USAGE = {
    "drift --consensus --against files": "--against: has no effect with --consensus",
    "plan --sql --format jsonl": "--format is given with --sql, expected one of them",
    "plan --format jsonl --sql": "--sql is given with --format, expected one of them",
    "drift --sql --format table": "--format is given with --sql, expected one of them",
    "status --tenants 1 --tenants 16": "--tenants is given twice, expected once",
    "migrate --to 0 --to 1": "--to is given twice, expected once",
    "--config tenants.yaml status --config tenants.yaml": "--config is given before and after the verb, expected once",
    "status --server main=host=a --server main=host=b": "--server: 'main' is given more than once",
    "migrate --to 0 --out-of-order 1": "--out-of-order 1: beyond --to 0, expected a version up to it",
    "migrate --to 99": "--to: there is no migration 99; the newest is 0001_rates",
    "migrate --to 1_rats": "--to: there is no 0001_rats; version 1 is 0001_rates",
    "migrate --dry-run --resume-at 2": "--resume-at 2: 2 tenants are selected, expected one",
    "migrate --lock-wait nan": "--lock-wait: 'nan', expected a number from 0 to 604800",
    "migrate --lock-wait inf": "--lock-wait: inf, expected a number from 0 to 604800",
    "plan --to 99": "--to: there is no migration 99; the newest is 0001_rates",
    "status 1": "1: unexpected, expected options only",
    "log --sql": "--sql: --version is missing, expected the version to print",
    f"rollback --to 0 --out-of-order {WHY}": "--out-of-order: has no effect with --to",
    f"rollback 1 --to 0 {WHY}": "VERSION: expected the version to undo, or --to with the newest version to keep",
    f"rollback 1 --file --recorded {WHY}": "--recorded: given with --file, expected one of them",
    f"mark 99 {WHY}": "VERSION: there is no migration 99; the newest is 0001_rates",
    f"accept 1_rats {WHY}": "VERSION: there is no 0001_rats; version 1 is 0001_rates",
    "adopt --assume 99": "--assume: there is no migration 99; the newest is 0001_rates",
    "check --allow-extra": "--allow-extra: has no effect without --schema-from",
    "check --sql": "--sql: has no effect without --schema-from",
    "lint 1 --from 0": "--from together with a VERSION, expected one of them",
    "lint --server main=host=a": "--server: has no effect without --tenants",
    "lint --jobs 2": "--jobs: has no effect without --tenants",
    "lint 99": "VERSION: there is no migration 99; the newest is 0001_rates",
    "import --from goose db --set master": "--set: has no effect without --files",
    "import --from goose db --files --tenants 1": "--tenants: has no effect with --files",
    "import --from goose db --files --reason x": "--reason: has no effect with --files",
}
EMBEDDED = {
    "db url 99": "db: unknown database '99', expected one of",
    "db url tenant_1x": "db: unknown database 'tenant_1x', expected one of",
    "db psql 99": "db: unknown database '99', expected one of",
    "db url 3": "db: tenant '3' is on server 'other', expected one of the embedded server",
    "db stop now": "db stop: unexpected 'now', expected nothing more",
    "db start 1 2": "db start: unexpected '1' '2', expected nothing more",
    "db destroy 1 --yes": "db destroy: unexpected '1', expected nothing more",
    "db url 1 2": "db url: unexpected '2', expected nothing more",
    "db stop --yes": "--yes: has no effect with db stop",
}


@pytest.mark.parametrize(("command", "said"), (USAGE | EMBEDDED).items())
def test_usage(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    said: str,
) -> None:
    """Each of these is an error of the command: exit code 2, nothing on stdout, and no server is made."""
    (tmp_path / "m").mkdir()
    write_files(tmp_path, FILES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tenantry", *shlex.split(command)])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out, said in err) == (2, "", True), err
    assert not (tmp_path / ".tenantry").exists()
