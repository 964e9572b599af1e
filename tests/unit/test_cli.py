"""The command line, without a database: verbs, help, completion, exit codes, and what is imported for it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest

from tenantry import __version__
from tenantry.cli import main
from tenantry.model.errors import ConfigError, Problem, RunError, ServerError
from tenantry.model.events import LinePrinted, RunFinished, RunStarted, TenantFinished, Verdict
from tenantry.model.results import Result
from tenantry.verbs.usage import describe
from tenantry.verbs.verb import GROUPS, MEANT, VERBS, Events, Request, load_verb
from tests.builders import write_files

COMMAND = Path(sys.executable).with_name("tenantry")
TENANTS_YAML = """\
servers: {main: embedded}
tenants:
  migrations: migrations/tenant
  server: main
  database: tenant_{id}
  list: [1, 16, 161]
"""
MASTER = "master: {server: main, database: rsm_master, migrations: migrations/master}\n"
USAGE = "Usage: tenantry {} [OPTIONS]\nTry 'tenantry {} --help' for help.\n\nerror: {}\n"


class Ended(NamedTuple):
    """What a call came to."""

    code: int
    out: str
    err: str


Call = Callable[..., Ended]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TENANTRY_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def call(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the command line within this process, in an empty folder."""

    def call(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["tenantry", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 1, written.out, written.err)

    return call


def start(*command: str | Path, **environment: str) -> Ended:
    """Run a command as a process of its own and return what it came to."""
    env = {**os.environ, "COLUMNS": "80", **environment}
    done = subprocess.run([*command], env=env, capture_output=True, text=True, timeout=60, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


def write_project(folder: Path, **files: str) -> None:
    """Write a tenants.yaml and the migrations of its tenants."""
    write_files(folder, {"tenants.yaml": TENANTS_YAML})
    write_files(folder / "migrations" / "tenant", files or {"0001_a.sql": "SELECT 1;\n"})


def read_examples(text: str) -> list[str]:
    """Return the lines of a help text that are commands."""
    return [line.strip() for line in text.splitlines() if line.startswith("    tenantry ")]


# Help


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb(call: Call, verb: str) -> None:
    """The help of every verb says how it is called, and holds an example that starts with it."""
    ended = call(verb, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: tenantry {verb} [OPTIONS]")
    examples = read_examples(ended.out)
    assert examples
    assert all(example.split()[1] == verb for example in examples)


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_examples_are_accepted(call: Call, verb: str) -> None:
    """Every example in the help is understood: where there is no tenants.yaml that alone is what is missing."""
    for example in read_examples(call(*filter(None, (verb, "--help"))).out):
        _, *arguments = shlex.split(example.partition(" > ")[0])
        if verb in ("init", "completion"):
            # They need no tenants.yaml; their own tests run them.
            continue
        ended = call(*arguments)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("error: tenants.yaml: not found, expected a file\n"), example


def test_help(call: Call) -> None:
    """The help lists every verb with what it does, in the order of a working day."""
    ended = call("--help")
    assert (ended.code, ended.err) == (0, "")
    titles = "|".join(GROUPS)
    groups = re.split(rf"^({titles}):$", ended.out, flags=re.MULTILINE)[1:]
    listed = {title: " ".join(text.split()) for title, text in zip(groups[::2], groups[1::2], strict=True)}
    assert listed == {
        title: " ".join(f"{verb} {text}" for verb, text in verbs.items()) for title, verbs in GROUPS.items()
    }


@pytest.mark.parametrize("option", ["--tenants", "--server", "--config"])
def test_options_that_are_everywhere(call: Call, option: str) -> None:
    """Whatever chooses tenants, servers or the file is called alike in every verb that works on tenants."""
    for verb in ("migrate", "status", "plan", "verify", "log", "tenants", "accept", "mark", "forget"):
        assert f"\n  {option} " in call(verb, "--help").out, verb


CONNECTING = {
    **dict.fromkeys(("migrate", "status", "plan", "verify", "log", "tenants", "adopt"), ("--tenants", "1")),
    **dict.fromkeys(("accept", "mark", "forget", "rollback"), ("1", "--tenants", "1", "--reason", "a test")),
    "drift": ("--tenants", "1"),
    "lint": ("--tenants", "1"),
    "import": ("--from", "yoyo", "migrations/tenant", "--tenants", "1"),
}


@pytest.mark.parametrize("verb", CONNECTING)
def test_servers_are_waited_for(call: Call, folder: Path, verb: str) -> None:
    """Every verb that connects to a tenant can wait for its server, says so on stderr, and says so where it failed."""
    write_project(folder, **{"0001_a.sql": "SELECT 1;\n", "0001_a.rollback.sql": "SELECT 1;\n"})
    ended = call(verb, *CONNECTING[verb], "--server", f"main=host={folder}", "--wait", "0.1")
    assert ended.code == 5
    assert ended.err.startswith("waiting for server 'main', 0 of 0.1 s: connection to server on socket ")
    assert "server 'main': waited 0.1 s for it without success: connection to server on socket " in ended.out
    assert call(verb, *CONNECTING[verb], "--server", f"main=host={folder}", "--wait", "0.1", "-q").err == ""


def test_a_scratch_server_is_waited_for(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of TENANTRY_SCRATCH, such as the service of a CI, can be waited for as well."""
    write_project(folder)
    monkeypatch.setenv("TENANTRY_SCRATCH", f"host={folder}")
    for verb in ("check", "lint"):
        ended = call(verb, "--wait", "0.1")
        assert ended.err.startswith("waiting for server 'scratch', 0 of 0.1 s: connection to server on socket "), verb
        assert "server 'scratch': waited 0.1 s for it without success: " in ended.out


def test_the_source_of_a_project_is_waited_for(call: Call, folder: Path) -> None:
    """The server of init --from can be waited for; without it, init asks no server."""
    ended = call("init", "--from", f"host={folder} dbname=studio", "--wait", "0.1")
    assert ended.code == 5
    assert ended.err.startswith("waiting for server 'main', 0 of 0.1 s: connection to server on socket ")
    assert "error: --from: waited 0.1 s for it without success: " in ended.err
    assert call("init", "--wait", "1") == Ended(2, "", "error: --wait: has no effect without --from\n")


def test_version(call: Call) -> None:
    """The version is the distribution's."""
    assert call("--version") == Ended(0, f"tenantry, version {__version__}\n", "")
    assert call("-V") == call("--version")
    assert call("-h") == call("--help")
    assert call("status", "-h") == call("status", "--help")


@pytest.mark.parametrize("word", ["up", "down", "ls", "schema", "UP", "help", "start", "stop"])
def test_words_of_other_tools(call: Call, word: str) -> None:
    """A verb of another tool is answered with the command that does the same here."""
    assert call(word).err.endswith(f"error: {word!r} is not a verb: use {MEANT[word.lower()]}\n")


def test_words_of_other_tools_misspelt(call: Call) -> None:
    """A misspelt word of another tool leads to the verb as well."""
    assert call("upgrad").err.endswith("error: 'upgrad' is not a verb: use tenantry migrate\n")


EMPTY = {
    "dump": (("dump", ""), "FILE: empty, expected a value, or no FILE at all"),
    "init": (("init", ""), "DIR: empty, expected a value, or no DIR at all"),
    "import": (("import", "--from", "flyway", "", "--tenants", "1"), "DIR: empty, expected a value"),
    "runs show": (("runs", "show", ""), "RUN: empty, expected a value, or no RUN at all"),
    "db": (("db", "url", ""), "DATABASE: empty, expected a value, or no DATABASE at all"),
    "after": (("status", "--config", ""), "--config: empty, expected a value, or no --config at all"),
    "before": (("--config", "", "status"), "--config: empty, expected a value, or no --config at all"),
}


@pytest.mark.parametrize(("words", "said"), EMPTY.values(), ids=EMPTY)
def test_empty_words(call: Call, folder: Path, words: tuple[str, ...], said: str) -> None:
    """What an unset variable of a script leaves empty is not taken for what was left out."""
    write_project(folder)
    ended = call(*words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith(f"error: {said}\n")


@pytest.mark.parametrize(("word", "verb"), [("inti", "init"), ("nwe", "new"), ("plna", "plan"), ("lnit", "lint")])
def test_swapped_letters(call: Call, word: str, verb: str) -> None:
    """Two letters that are swapped lead to the verb that has just these letters."""
    assert call(word).err.endswith(f"error: {word!r} is not a verb: did you mean {verb!r}?\n")


def test_words_of_other_tools_lead_somewhere() -> None:
    """Every command that is named in place of another tool's verb is one of ours."""
    verbs = {command.split()[1] for command in MEANT.values() if command.startswith("tenantry ")}
    assert verbs <= {*VERBS, "--help"}
    assert not MEANT.keys() & VERBS.keys()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_verb(call: Call, shell: str) -> None:
    """The script of a shell is printed as the shell reads it, and nothing else."""
    ended = call("completion", shell)
    assert (ended.code, ended.err) == (0, "")
    assert f"_TENANTRY_COMPLETE={shell}_complete" in ended.out
    assert "\\x" not in ended.out


def test_module() -> None:
    """`python -m runner` is the same command."""
    assert start(sys.executable, "-m", "tenantry", "--help") == start(COMMAND, "--help")


SLOW = ("psycopg", "pydantic", "yaml", "rich", "structlog", "yoyo", "postgast", "asyncio", "hypothesis")


def test_nothing_slow_for_help() -> None:
    """The help is there at once: no library but the one for the command line is imported for it."""
    script = (
        "import sys; from tenantry.cli import main; sys.argv = ['tenantry', '--help']\n"
        "try: main()\n"
        f"finally: print(sorted({SLOW} & sys.modules.keys()), file=sys.stderr)"
    )
    assert start(sys.executable, "-c", script.replace(str(SLOW), str(set(SLOW)))).err == "[]\n"


# What only a file out of the ordinary, a terminal or another verb needs.
SELDOM = (
    *("rich", "structlog", "yoyo", "procrastinate"),
    *("tenantry.apply.stepwise", "tenantry.apply.batch", "tenantry.schema.ddl", "tenantry.scratch.replay"),
    *("tenantry.lint.rules", "tenantry.takeover", "tenantry.fleet.workers.control", "tenantry.verbs.repair"),
)


def test_nothing_seldom_for_migrate() -> None:
    """`migrate` begins without the modules that few runs need: its start is half of the time of a small fleet."""
    script = (
        "import sys; from tenantry.verbs.verb import load_verb; load_verb('migrate')\n"
        f"print(*sorted(name for name in sys.modules if name.startswith({SELDOM})))"
    )
    assert start(sys.executable, "-c", script).out == "\n"


# What is not understood


NEAREST = {
    "migrat": "did you mean 'migrate'?",
    "stats": "did you mean 'status'?",
    "tenant": "did you mean 'tenants'?",
    "xyz": f"expected one of {', '.join(VERBS)}",
}


@pytest.mark.parametrize(("word", "expected"), NEAREST.items(), ids=NEAREST)
def test_unknown_verb(call: Call, word: str, expected: str) -> None:
    """An unknown verb is answered with the nearest one, or with all of them."""
    usage = "Usage: tenantry [OPTIONS] VERB [ARGS]...\nTry 'tenantry --help' for help.\n\n"
    assert call(word) == Ended(2, "", f"{usage}error: {word!r} is not a verb: {expected}\n")


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


def test_no_verb(call: Call) -> None:
    """Without a verb, the help goes to stderr, and it is exit code 2."""
    ended = call()
    assert (ended.code, ended.out, ended.err) == (2, "", call("--help").out)


def test_interrupted_before_the_run(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before the run has begun is exit code 130, as it is during the run, and no trace is shown."""

    def interrupt(*arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("tenantry.cli._run", interrupt)
    assert call("status") == Ended(130, "", "\n")


def test_secret_in_an_option(call: Call) -> None:
    """A connection string that is not understood is not repeated: it may hold a password."""
    assert "s3cret" not in call("migrate", "--server", "postgresql://deploy:s3cret@db/").err


# Errors and exit codes


def test_no_configuration(call: Call) -> None:
    """Where there is no tenants.yaml the error names it, and the hint is one that can be saved as it stands."""
    ended = call("migrate")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: tenants.yaml: not found, expected a file\nhint: ")


@pytest.mark.parametrize("arguments", [["--config", "c.yaml", "status"], ["status", "--config", "c.yaml"]])
def test_config_before_and_behind_the_verb(call: Call, arguments: list[str]) -> None:
    """The file may be named before and behind the verb."""
    assert call(*arguments).err.startswith("error: c.yaml: not found, expected a file\n")


def test_config_of_a_folder_above(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tenants.yaml is found from every folder below it, and paths are relative to it."""
    write_project(folder, **{"0001_a.sql": "SELCT 1;\n"})
    monkeypatch.chdir(folder / "migrations" / "tenant")
    assert call("plan").err.startswith("error: ../../migrations/tenant/0001_a.sql:1:1: syntax error")


def test_variables_from_a_file(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of variables is read where that is asked for; variables that are set already win."""
    write_project(folder)
    (folder / "tenants.yaml").write_text(TENANTS_YAML.replace("embedded", "'${CHOSEN_DSN}'"))
    (folder / ".env").write_text("CHOSEN_DSN='malformed in the file'\n")
    monkeypatch.setenv("CHOSEN_DSN", "")
    monkeypatch.delenv("CHOSEN_DSN")
    assert "${CHOSEN_DSN} not set" in call("status").err
    assert "servers.main: malformed" in call("status", "--env-file", ".env").err
    monkeypatch.setenv("CHOSEN_DSN", "embedded")
    assert "has not been created" in call("--env-file", ".env", "status").err


def test_a_file_of_variables_is_read_whole(call: Call, folder: Path) -> None:
    """A line that is no variable ends the run: one that is missing could lead to another database."""
    write_project(folder)
    (folder / ".env").write_text("A=1\nnot a variable\n")
    ended = call("status", "--env-file", ".env")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: .env:2: not a variable, expected NAME=value\n")


def test_config_from_the_environment(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file may be named in the environment, and an option wins over that."""
    monkeypatch.setenv("TENANTRY_CONFIG", "env.yaml")
    assert call("status").err.startswith("error: env.yaml: not found")
    assert call("status", "--config", "c.yaml").err.startswith("error: c.yaml: not found")
    assert call("--config", "c.yaml", "status").err.startswith("error: c.yaml: not found")


def test_all_problems(call: Call, folder: Path) -> None:
    """Every fault of the input is said in one go, each with its hint, and exit code 2."""
    write_project(folder, **{"0001_a.sql": "SELCT 1;\n", "0002-b.sql": "SELECT 1;\n"})
    ended = call("plan")
    assert (ended.code, ended.out) == (2, "")
    assert [line for line in ended.err.splitlines() if line.startswith("error:")] == [
        'error: migrations/tenant/0001_a.sql:1:1: syntax error at or near "SELCT"',
        "error: migrations/tenant/0002-b.sql: not a migration file name,"
        " expected NNNN_name.sql with only digits, a-z and _",
    ]
    assert len([line for line in ended.err.splitlines() if line.startswith("hint:")]) == 2
    assert not (folder / ".tenantry").exists()


def test_no_server_yet(call: Call, folder: Path) -> None:
    """A verb that reads makes no server: it says which one does."""
    write_project(folder)
    ended = call("status")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: .tenantry: the embedded server has not been created\nhint: ")
    assert not (folder / ".tenantry").exists()


def test_new(call: Call, folder: Path) -> None:
    """A new file has the next number and a header to fill in, its path is printed, and no run accepts it as it is."""
    (folder / "tenants.yaml").write_text(TENANTS_YAML)
    assert call("new", "Rates per room") == Ended(0, "migrations/tenant/0000_rates_per_room.sql\n", "")
    assert call("new", "more") == Ended(0, "migrations/tenant/0001_more.sql\n", "")
    text = (folder / "migrations" / "tenant" / "0001_more.sql").read_text()
    assert text.startswith("-- The purpose of this change, and its reason.\n")
    ended = call("plan")
    assert ended.code == 2
    assert [line for line in ended.err.splitlines() if line.startswith("error:")] == [
        f'error: migrations/tenant/{name}.sql:7:1: syntax error at or near ">>>"'
        for name in ("0000_rates_per_room", "0001_more")
    ]


@pytest.mark.parametrize("name", [" ", "Ü", "a/b", "a.b", "../a"])
def test_new_name(call: Call, folder: Path, name: str) -> None:
    """A name that no migration can have is refused, and no file is made."""
    (folder / "tenants.yaml").write_text(TENANTS_YAML)
    said = f"error: NAME: {name!r} is not a migration name, expected a-z, 0-9, _ and spaces\n"
    assert call("new", name) == Ended(2, "", said)
    assert not (folder / "migrations").exists()


def test_new_without_master(call: Call, folder: Path) -> None:
    """Where there is no master there is no migration for it."""
    (folder / "tenants.yaml").write_text(TENANTS_YAML)
    said = "error: tenants.yaml: no master, expected one for its migrations\n"
    assert call("new", "a", "--set", "master") == Ended(2, "", said)


def raise_(error: Exception) -> Callable[[Request], Events]:
    """Return a verb's start that raises once the run is on its way."""

    def start(_: Request) -> Events:
        yield LinePrinted("begun")
        raise error

    return start


RAISED: dict[str, tuple[RunError, str]] = {
    "wrong input": (
        ConfigError((Problem("a: wrong", 'run "tenantry new NAME"'), Problem("b: wrong too"))),
        'error: a: wrong\nhint: run "tenantry new NAME"\nerror: b: wrong too\n',
    ),
    "server": (
        ServerError("the server does not start", hint="look at its log"),
        "error: the server does not start\nhint: look at its log\n",
    ),
    "hostile": (
        ServerError("a\x1b[2J\n::error::b", hint="c\u202e\nerror: d"),
        "error: a\\x1b[2J\n    \\x3a:error::b\nhint: c\\u202e\n    error: d\n",
    ),
}


def put_verb(monkeypatch: pytest.MonkeyPatch, start: Callable[[Request], Events]) -> None:
    """Have every verb do something else, with the options that it has."""
    monkeypatch.setattr("tenantry.cli.load_verb", lambda name: replace(load_verb(name), start=start))


@pytest.mark.parametrize(("error", "expected"), RAISED.values(), ids=RAISED)
def test_errors(call: Call, monkeypatch: pytest.MonkeyPatch, error: RunError, expected: str) -> None:
    """An error that stops a run is said whole on stderr, and what was written before it is on stdout."""
    put_verb(monkeypatch, raise_(error))
    assert call("status") == Ended(2, "begun\n", expected)


def miss(_: Request) -> Events:
    """Find that the only tenant does not answer."""
    yield RunStarted("migrate", "run 1", ("1",))
    yield TenantFinished("1", Verdict(Result.UNREACHABLE, "no answer"), 3)
    yield RunFinished(5)


AGAIN = {
    "migrate": "migrate",
    "migrate --tenants 1,16 --format table -v": "migrate",
    "migrate --to 9 --jobs 4 --create": "migrate --to 9 --create --jobs 4",
    "migrate --out-of-order 3 --out-of-order 0004_x": "migrate --out-of-order 3 --out-of-order 4",
    "migrate --server main=postgresql://u:s3cret@db/": "migrate --server main=...",
    "migrate --config my.yaml": "migrate --config my.yaml",
    "--config my.yaml migrate": "migrate --config my.yaml",
}


@pytest.mark.parametrize(("arguments", "again"), AGAIN.items(), ids=AGAIN)
def test_next_command(call: Call, monkeypatch: pytest.MonkeyPatch, arguments: str, again: str) -> None:
    """The command to go on with is the one that was typed, for the tenants that are left, without secrets."""
    put_verb(monkeypatch, miss)
    ended = call(*arguments.split())
    assert (ended.code, ended.out.splitlines()[-1]) == (5, f"next: tenantry {again} --tenants 1")


CALLED: dict[str, tuple[list[str | Path], str]] = {
    "on the path": (["tenantry"], "tenantry"),
    "by its path": ([COMMAND], str(COMMAND)),
    "within the folder": ([Path("bin", "tenantry")], "bin/tenantry"),
    "by its path within the folder": (["/bin/sh", "-c", 'exec "$PWD/bin/tenantry" "$@"', "sh"], "bin/tenantry"),
    "as a module": ([sys.executable, "-m", "tenantry"], f"{Path(sys.executable).name} -m tenantry"),
}


@pytest.mark.parametrize(("command", "shown"), CALLED.values(), ids=CALLED)
def test_hint_as_called(folder: Path, command: list[str | Path], shown: str) -> None:
    """A command in a hint is written as this one was called."""
    write_project(folder)
    (folder / "bin").mkdir()
    shutil.copy(COMMAND, folder / "bin")
    path = f"{COMMAND.parent}:{os.environ['PATH']}" if command == ["tenantry"] else "/usr/bin:/bin"
    ended = start(*command, "status", PATH=path)
    assert ended == Ended(
        2,
        "",
        "error: .tenantry: the embedded server has not been created\n"
        f'hint: run "{shown} migrate --tenants all" to create it and its databases\n',
    )


def test_bug(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug outside of the tenants' own work is exit code 70, and no finding, with its trace to be reported."""
    put_verb(monkeypatch, raise_(ZeroDivisionError("division by zero")))
    ended = call("status")
    assert ended.code == 70
    assert "ZeroDivisionError: division by zero" in ended.err


# Whoever reads the output goes away


@pytest.mark.parametrize("arguments", [["new", "rates"], ["new", "rates", "--format", "jsonl"]], ids=" ".join)
def test_reader_goes_away(folder: Path, arguments: list[str]) -> None:
    """Where nobody reads the output, the command does its work and tells by its exit code that the report is lost."""
    (folder / "tenants.yaml").write_text(TENANTS_YAML)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (74, "")
    assert len(list((folder / "migrations" / "tenant").iterdir())) == 1


# Completion


@pytest.fixture
def complete(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], list[str]]:
    """Ask for completions of a line as bash does, in a folder with a tenants.yaml."""
    (folder / "tenants.yaml").write_text(MASTER + TENANTS_YAML)

    def complete(line: str) -> list[str]:
        words = line.split(" ")
        for name, value in {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("_TENANTRY_COMPLETE", "bash_complete")
        monkeypatch.setattr(sys, "argv", ["tenantry"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        return [line.removeprefix("plain,") for line in capsys.readouterr().out.splitlines() if line]

    return complete


COMPLETIONS = {
    "tenantry m": ["migrate", "mark"],
    "tenantry migrate --ten": ["--tenants"],
    "tenantry migrate --tenants ": ["all", "master", "1", "16", "161"],
    "tenantry migrate --tenants 16": ["16", "161"],
    "tenantry migrate --tenants 1,16": ["1,16", "1,161"],
    "tenantry migrate --tenants 1,": ["1,master", "1,16", "1,161"],
    "tenantry migrate --tenants m": ["master"],
    "tenantry migrate --tenants x": [],
    "tenantry accept 12 --tenants 161": ["161"],
    "tenantry db st": ["start", "stop"],
    "tenantry plan --format ": ["plan", "jsonl", "sql"],
    "tenantry --config nowhere.yaml status --tenants ": [],
}


@pytest.mark.parametrize(("line", "expected"), COMPLETIONS.items(), ids=COMPLETIONS)
def test_completion(complete: Callable[[str], list[str]], line: str, expected: list[str]) -> None:
    """What is completed is what would be accepted: verbs, options, and the ids of tenants.yaml behind each comma."""
    assert complete(line) == expected


def test_completion_without_master(complete: Callable[[str], list[str]], folder: Path) -> None:
    """The master is offered where there is one."""
    (folder / "tenants.yaml").write_text(TENANTS_YAML)
    assert complete("tenantry migrate --tenants m") == []


def test_completion_of_another_file(complete: Callable[[str], list[str]], folder: Path) -> None:
    """Ids are those of the file that is named, before or behind the verb."""
    (folder / "other.yaml").write_text(TENANTS_YAML.replace("[1, 16, 161]", "[7]"))
    assert complete("tenantry --config other.yaml migrate --tenants 7") == ["7"]
    assert complete("tenantry migrate --config other.yaml --tenants 7") == ["7"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(call: Call, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    """Each shell gets a script to evaluate."""
    # click looks for a bash to ask for its version; which one is installed here is nothing to this test.
    monkeypatch.setattr("click.shell_completion.BashComplete._check_version", staticmethod(lambda: None))
    monkeypatch.setenv("_TENANTRY_COMPLETE", f"{shell}_source")
    ended = call()
    assert (ended.code, ended.err) == (0, "")
    assert f"_TENANTRY_COMPLETE={shell}_complete" in ended.out
