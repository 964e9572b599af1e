"""Help: what each verb says of itself, what starts with it, and words that lead to a verb."""

import re
import shlex
import sys

import pytest

from tenantry import __version__
from tenantry.verbs.verb import GROUPS, MEANT, VERBS
from tests.unit.cli.fix_call import COMMAND, Call, Ended, start


def read_examples(text: str) -> list[str]:
    """Return the lines of a help text that are commands."""
    return [line.strip() for line in text.splitlines() if line.startswith("    tenantry ")]


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


def test_version(call: Call) -> None:
    """The version is the distribution's."""
    assert call("--version") == Ended(0, f"tenantry, version {__version__}\n", "")
    assert call("-V") == call("--version")
    assert call("-h") == call("--help")
    assert call("status", "-h") == call("status", "--help")


@pytest.mark.parametrize("word", ["up", "down", "ls", "schema", "UP"])
def test_words_of_other_tools(call: Call, word: str) -> None:
    """A verb of another tool is answered with the command that does the same here."""
    assert call(word).err.endswith(f"error: {word!r} is not a verb: use {MEANT[word.lower()]}\n")


def test_words_of_other_tools_misspelt(call: Call) -> None:
    """A misspelt word of another tool leads to the verb as well."""
    assert call("upgrad").err.endswith("error: 'upgrad' is not a verb: use tenantry migrate\n")


def test_words_of_other_tools_lead_somewhere() -> None:
    """Every command that is named in place of another tool's verb is one of ours."""
    verbs = {command.split()[1] for command in MEANT.values() if command.startswith("tenantry ")}
    assert verbs <= VERBS.keys()
    assert not MEANT.keys() & VERBS.keys()


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


def test_no_verb(call: Call) -> None:
    """Without a verb, the help goes to stderr, and it is exit code 2."""
    ended = call()
    assert (ended.code, ended.out, ended.err) == (2, "", call("--help").out)
