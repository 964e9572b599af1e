"""The text of `--tenants` in, tenants or all that is wrong with it out."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.fleet.selection import EVERYTHING, parse_selection, select
from tenantry.model import Server, SetName, Tenant
from tenantry.model.errors import ConfigError
from tenantry.model.words import nearest, one_of

SERVER = Server("main", None)
MASTER = Tenant("master", SetName.MASTER, SERVER, "rsm_master")
MANY = [str(number) for number in range(1, 1001)]


def make_tenants(names: Sequence[str]) -> tuple[Tenant, ...]:
    """Return tenants with these names."""
    return tuple(Tenant(name, SetName.TENANT, SERVER, f"tenant_{name}") for name in names)


def refuse(text: str | None, names: Sequence[str] = ("1", "16"), master: Tenant | None = MASTER) -> list[str]:
    """Select what cannot be selected, and return what is said, each hint behind a bar."""
    with pytest.raises(ConfigError) as caught:
        select(make_tenants(names), master, parse_selection(text))
    assert caught.value.exit_code == 2
    problems = caught.value.problems
    return [f"{problem.message} | {problem.hint}" if problem.hint else problem.message for problem in problems]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, ["master", "1", "16", "on-7"]),
        ("all", ["master", "1", "16", "on-7"]),
        (" all ", ["master", "1", "16", "on-7"]),
        ("master", ["master"]),
        ("1", ["1"]),
        ("1,16", ["1", "16"]),
        ("16,1", ["1", "16"]),
        ("on-7,master", ["master", "on-7"]),
        (" 16 ,\t1\n", ["1", "16"]),
    ],
)
def test_select(text: str | None, names: list[str]) -> None:
    """The master comes first, then the tenants in the order of tenants.yaml, whatever the order of the text."""
    assert [tenant.name for tenant in select(make_tenants(["1", "16", "on-7"]), MASTER, parse_selection(text))] == names


@pytest.mark.parametrize(
    ("names", "master", "text", "selected"),
    [
        (["1", "2"], None, None, ["1", "2"]),
        (["1", "2"], None, "all", ["1", "2"]),
        ([], MASTER, "all", ["master"]),
        ([], MASTER, "master", ["master"]),
    ],
    ids=["no-master", "no-master-all", "no-tenant-all", "no-tenant-master"],
)
def test_without(names: list[str], master: Tenant | None, text: str | None, selected: list[str]) -> None:
    """All means what there is, with or without a master."""
    assert [tenant.name for tenant in select(make_tenants(names), master, parse_selection(text))] == selected


@given(
    st.sets(st.sampled_from(["master", *MANY[:20]]), min_size=1).flatmap(lambda names: st.permutations(sorted(names)))
)
def test_selects_what_is_named(names: list[str]) -> None:
    """Exactly the named tenants are selected, each once, in an order that does not depend on the text's."""
    selected = select(make_tenants(MANY), MASTER, parse_selection(",".join(names)))
    assert [tenant.name for tenant in selected] == sorted(names, key=["master", *MANY].index)


UNKNOWN = {
    "one": ("17", ["--tenants: unknown tenant '17', expected one of 1, 16, master | did you mean '1'?"]),
    "several": (
        "17,1,acme",
        [
            "--tenants: unknown tenant '17', expected one of 1, 16, master | did you mean '1'?",
            "--tenants: unknown tenant 'acme', expected one of 1, 16, master",
        ],
    ),
    "case-of-master": (
        "Master",
        ["--tenants: unknown tenant 'Master', expected one of 1, 16, master | did you mean 'master'?"],
    ),
    "case-of-all": ("ALL", ["--tenants: unknown tenant 'ALL', expected one of 1, 16, master | did you mean 'all'?"]),
    "blanks": (
        "1 16",
        ["--tenants: unknown tenant '1 16', expected one of 1, 16, master | separate them with commas: --tenants 1,16"],
    ),
}


@pytest.mark.parametrize(("text", "said"), UNKNOWN.values(), ids=UNKNOWN)
def test_unknown(text: str, said: list[str]) -> None:
    """Every unknown name is named, with what is known and what is nearest."""
    assert refuse(text) == said


def test_unknown_of_many() -> None:
    """Of many known tenants only a few are listed, and the nearest one all the same."""
    message = "--tenants: unknown tenant '0999', expected one of 1, 2, 3, 4, 5, 6, 7, 8, ... (1001 in all)"
    assert refuse("0999", MANY) == [f"{message} | did you mean '999'?"]


def test_no_master() -> None:
    """Where there is no master, it cannot be selected, and is not offered."""
    assert refuse("master", master=None) == ["--tenants: tenants.yaml has no master, expected one of 1, 16"]
    assert refuse("17", ["1"], master=None) == ["--tenants: unknown tenant '17', expected 1 | did you mean '1'?"]


MALFORMED = {
    "empty": ("", ["--tenants: empty, expected ids separated by commas, master or all"]),
    "blank": (" \t", ["--tenants: empty, expected ids separated by commas, master or all"]),
    "commas-alone": (",,", ["--tenants: empty, expected ids separated by commas, master or all"]),
    "comma-twice": (
        "1,,16",
        ["--tenants: an id is missing in '1,,16', expected ids separated by single commas | write --tenants 1,16"],
    ),
    "comma-at-the-end": (
        "1,16,",
        ["--tenants: an id is missing in '1,16,', expected ids separated by single commas | write --tenants 1,16"],
    ),
    "comma-at-the-start": (
        " ,1",
        ["--tenants: an id is missing in ' ,1', expected ids separated by single commas | write --tenants 1"],
    ),
    "twice": (
        "1,16,1",
        ["--tenants: '1' is given twice, expected every tenant once | write --tenants 1,16"],
    ),
    "all-twice": ("all,all", ["--tenants: 'all' is given twice, expected every tenant once | write --tenants all"]),
    "all-and-more": ("all,16", ["--tenants: 'all' is given with other names in 'all,16', expected it alone"]),
    "everything": (
        "16,,all,16,16",
        [
            "--tenants: an id is missing in '16,,all,16,16', expected ids separated by single commas"
            " | write --tenants 16,all",
            "--tenants: '16' is given 3 times, expected every tenant once | write --tenants 16,all",
            "--tenants: 'all' is given with other names in '16,,all,16,16', expected it alone",
        ],
    ),
}


@pytest.mark.parametrize(("text", "said"), MALFORMED.values(), ids=MALFORMED)
def test_malformed(text: str, said: list[str]) -> None:
    """A text that is no selection is refused before any name is looked up, with a selection that is one."""
    assert refuse(text) == said


@pytest.mark.parametrize("text", [None, "all", "1", "master"])
def test_nothing_to_select(text: str | None) -> None:
    """A run with nothing to work on is an error, never an empty run."""
    assert refuse(text, [], master=None) == [
        "--tenants: nothing to select, expected a tenant or a master in tenants.yaml"
    ]


def test_malformed_before_nothing_to_select() -> None:
    """A text that is no selection is refused before tenants.yaml is looked at."""
    assert refuse("", [], master=None) == ["--tenants: empty, expected ids separated by commas, master or all"]


def test_parse_selection() -> None:
    """Parsing keeps names and order, and asks nobody whether they exist."""
    assert parse_selection(" b , a,master").text == "b,a,master"


@pytest.mark.parametrize(
    ("text", "everything", "names_master", "master_alone"),
    [
        (None, True, False, False),
        (" all ", True, False, False),
        (" master ", False, True, True),
        ("1, master", False, True, False),
        ("1,16", False, False, False),
    ],
)
def test_questions(text: str | None, everything: bool, names_master: bool, master_alone: bool) -> None:
    """A selection tells everything from a list of names, and a master that was named from one that comes with all."""
    selection = parse_selection(text)
    assert (selection.everything, selection.names_master, selection.master_alone) == (
        everything,
        names_master,
        master_alone,
    )
    assert (selection == EVERYTHING) == everything


@given(st.text(alphabet="a1,  \t\n", max_size=12))
def test_parse_selection_of_any_text(text: str) -> None:
    """Any text gives names, none of them empty or there twice, or an error of its own."""
    try:
        names = [term.text for term in parse_selection(text).terms]
    except ConfigError:
        return
    assert names
    assert all(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a"], "a"),
        (["a", "b"], "one of a, b"),
        (list("abcdefgh"), "one of a, b, c, d, e, f, g, h"),
        (list("abcdefghi"), "one of a, b, c, d, e, f, g, h, ... (9 in all)"),
    ],
    ids=["one", "two", "eight", "nine"],
)
def test_one_of(names: list[str], text: str) -> None:
    """A few names are all listed, of many the first ones and their number."""
    assert one_of(names) == text


def test_nearest() -> None:
    """The nearest name is offered whatever its case, and none where none is like it."""
    assert nearest("SERVR", ["Server", "list"]) == "did you mean 'Server'?"
    assert nearest("acme", ["1", "16"]) == ""
