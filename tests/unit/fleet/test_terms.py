"""The grammar of selections: whom each term names, and what is said of one that names nobody."""

from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.fleet.completion import complete
from tenantry.fleet.matching import Sources
from tenantry.fleet.selection import parse_selection, select
from tenantry.fleet.terms import parse_term
from tenantry.model import Server, SetName, Tenant
from tenantry.model.errors import ConfigError

EU1, EU2 = Server("eu1", None), Server("eu2", None)
MASTER = Tenant("master", SetName.MASTER, EU1, "rsm_master")


def make(name: str, server: Server = EU1, **labels: str) -> Tenant:
    """Return a tenant with labels."""
    return Tenant(name, SetName.TENANT, server, f"tenant_{name}", labels=tuple(labels.items()))


FLEET = (
    make("1", tier="internal"),
    make("2", tier="trial", region="eu-west"),
    make("16", EU2, tier="trial", region="eu-north"),
    make("studio_a", EU2),
    make("studio_b"),
    make("2026-01"),
)
MANY = tuple(make(str(number)) for number in range(1, 1001))


def pick(text: str, fleet: Collection[Tenant] = FLEET, sources: Sources | None = None) -> list[str]:
    """Return the names that a text selects."""
    return [tenant.name for tenant in select(tuple(fleet), MASTER, parse_selection(text), sources)]


def refuse(text: str, sources: Sources | None = None) -> list[str]:
    """Return what is said of a text that selects nobody, each hint behind a bar."""
    with pytest.raises(ConfigError) as caught:
        pick(text, sources=sources)
    assert caught.value.exit_code == 2
    return [f"{one.message} | {one.hint}" if one.hint else one.message for one in caught.value.problems]


TRIAL = ["2", "16"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("1-20", ["1", "2", "16"]),
        ("2-16", TRIAL),
        ("2026-01", ["2026-01"]),
        ("studio_*", ["studio_a", "studio_b"]),
        ("studio_[b-z]", ["studio_b"]),
        ("?", ["1", "2"]),
        ("@tier=internal", ["1"]),
        ("@tier!=trial", ["1", "studio_a", "studio_b", "2026-01"]),
        ("@tier", ["1", "2", "16"]),
        ("@region=eu-*", TRIAL),
        ("@server=eu2", ["16", "studio_a"]),
        ("@server!=eu2", ["1", "2", "studio_b", "2026-01"]),
        ("all,!16", ["master", "1", "2", "studio_a", "studio_b", "2026-01"]),
        ("all,!master,!studio_*,!2026-01", ["1", "2", "16"]),
        ("!16,@tier=trial", ["2"]),
        ("@tier , ! 16", ["1", "2"]),
        ("master,@tier=internal,studio_b", ["master", "1", "studio_b"]),
        ("1-20,@tier,1", ["1", "2", "16"]),
        ("100%", [tenant.name for tenant in FLEET]),
        ("99 of @tier=trial", TRIAL),
    ],
)
def test_terms(text: str, names: list[str]) -> None:
    """Each term names its tenants, in the order of tenants.yaml, less those that are excluded."""
    assert pick(text) == names


REFUSED = {
    "20-1": "--tenants: range '20-1' runs backwards, expected the lower number first | write 1-20",
    "30-40": "--tenants: no tenant has an id from 30 to 40, expected numbers from 1 to 16",
    "studo_*": "--tenants: no tenant matches 'studo_*', expected a pattern for one of 1, 2, 16, studio_a, studio_b,"
    " 2026-01, master | did you mean 'studio_b'?",
    "@teir=internal": "--tenants: unknown label 'teir', expected one of tier, region | did you mean 'tier'?",
    "@tier=internl": "--tenants: no tenant has tier=internl, expected one of internal, trial"
    " | did you mean 'internal'?",
    "@tier!=internl": "--tenants: no tenant has tier=internl, expected one of internal, trial"
    " | did you mean 'internal'?",
    "@server=eu3": "--tenants: no tenant has server=eu3, expected one of eu1, eu2 | did you mean 'eu2'?",
    "@": "--tenants: '@': expected @LABEL, @LABEL=VALUE, @LABEL!=VALUE, @server=NAME or @FILE",
    "@tier=": "--tenants: '@tier=': expected @LABEL, @LABEL=VALUE, @LABEL!=VALUE, @server=NAME or @FILE",
    "@server": "--tenants: '@server': expected @LABEL, @LABEL=VALUE, @LABEL!=VALUE, @server=NAME or @FILE",
    "0%": "--tenants: '0%': expected a percentage above 0 and up to 100",
    "200%": "--tenants: '200%': expected a percentage above 0 and up to 100",
    "0 of all": "--tenants: '0 of all': expected a whole number of tenants, 1 or more",
    "1.5 of all": "--tenants: '1.5 of all': expected a whole number of tenants, 1 or more",
    "2 of @teir": "--tenants: unknown label 'teir', expected one of tier, region | did you mean 'tier'?",
    "all,!17": "--tenants: unknown tenant '17', expected one of 1, 2, 16, studio_a, studio_b, 2026-01, master"
    " | did you mean '1'?",
    "!16": "--tenants: only exceptions in '!16', expected the tenants that they are taken from"
    " | write --tenants 'all,!16'",
    "all,!!16": "--tenants: '!!16': expected one exclamation mark and then the tenants to leave out, such as !16",
    "1,!1": "--tenants: '1,!1' leaves nobody, expected a tenant that is not excluded",
    "all,@tier": "--tenants: 'all' is given with other names in 'all,@tier', expected it alone",
    "fialed": "--tenants: unknown tenant 'fialed', expected one of 1, 2, 16, studio_a, studio_b, 2026-01, master"
    " | did you mean 'failed'?",
    "failed": "--tenants: 'failed': no run is recorded here, expected the journal of an earlier one"
    " | select tenants by id, label or server",
}


@pytest.mark.parametrize(("text", "said"), REFUSED.items(), ids=list(REFUSED))
def test_names_nobody(text: str, said: str) -> None:
    """A term that names nobody is refused, with the nearest word that names somebody."""
    assert refuse(text) == [said]


ENDLESS = {
    "from": f"{'9' * 5000}-2",
    "to": f"2-{'9' * 5000}",
    "share": f"{'9' * 400}%",
    "sample": f"{'9' * 400} of all",
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_numbers_without_end(text: str) -> None:
    """A number of more digits than any id is one word of an unknown tenant."""
    with pytest.raises(ConfigError) as caught:
        select(FLEET, MASTER, parse_selection(text))
    assert [problem.message.split(",")[0] for problem in caught.value.problems] == [
        f"--tenants: unknown tenant {text!r}"
    ]


def test_number_less_ids() -> None:
    """A range where no id is a number says so."""
    with pytest.raises(ConfigError, match="range '1-2': no id is a number, expected one of a, master"):
        pick("1-2", [make("a")])


def test_no_labels() -> None:
    """Where nobody has a label, none is offered."""
    with pytest.raises(ConfigError, match="unknown label 'tier', and no tenant has labels"):
        pick("@tier", [make("a")])


def test_samples() -> None:
    """A sample is the same in each run, rounded up, and a larger one has all of a smaller one; never the master."""
    five, twenty = pick("5%", MANY), pick("20 of all", MANY)
    assert (len(five), len(twenty), len(pick("0.01%", MANY))) == (50, 20, 1)
    assert set(twenty) < set(five)
    assert five[:5] == ["8", "24", "31", "40", "69"]
    assert set(pick("5%", MANY[:-1])) >= set(five) - {"1000"}
    assert len(pick("all,!master,!5%", MANY)) == 950


def test_file(tmp_path: Path) -> None:
    """A file has an id a line, with comments and blank lines; a path is relative to the base."""
    (tmp_path / "wave.txt").write_text("\ufeff# first\n16\n\n1  # ours\r\n", "utf-8")
    (tmp_path / "wave").write_text("2\n")
    (tmp_path / "empty.txt").write_text("# nobody\n")
    (tmp_path / "bad.txt").write_text("1\n17\nstudio_c\n")
    (tmp_path / "latin.txt").write_bytes(b"\xe4\n")
    sources = Sources(tmp_path)
    assert pick("@wave.txt", sources=sources) == ["1", "16"]
    assert pick(f"@{tmp_path}/wave.txt,!1") == ["16"]
    assert pick("@./wave", sources=sources) == ["2"]
    assert refuse("@wave", sources) == [
        "--tenants: unknown label 'wave', expected one of tier, region | write @./wave for the file"
    ]
    assert refuse("@empty.txt", sources) == ["--tenants: @empty.txt: no ids, expected one a line"]
    assert refuse("@latin.txt", sources) == ["--tenants: @latin.txt: not UTF-8, expected a file of ids, one a line"]
    assert refuse("@none.txt", sources) == [
        "--tenants: @none.txt: unreadable (No such file or directory), expected a file of ids, one a line"
    ]
    known = "1, 2, 16, studio_a, studio_b, 2026-01, master"
    assert refuse("@bad.txt", sources) == [
        f"--tenants: @bad.txt:2: unknown tenant '17', expected one of {known} | did you mean '1'?",
        f"--tenants: @bad.txt:3: unknown tenant 'studio_c', expected one of {known} | did you mean 'studio_b'?",
    ]


def find_in(states: dict[str, list[str]]) -> Callable[[str], Collection[str] | None]:
    """Return what asks a journal."""
    return lambda state: states.get(state, ())


def test_states() -> None:
    """A state names the tenants that the last run left in it and that there still are; nobody is an error."""
    sources = Sources(find_state=find_in({"failed": ["16", "gone"], "blocked": ["master"]}))
    assert pick("failed", sources=sources) == ["16"]
    assert pick("failed,blocked", sources=sources) == ["master", "16"]
    assert pick("@tier=trial,!failed,!behind", sources=sources) == ["2"]
    assert refuse("behind", sources) == ["--tenants: 'behind' selects no tenant"]


@given(st.text(alphabet="a1@!=%-*of ./", min_size=1, max_size=10).map(str.strip).filter(bool))
def test_any_text(text: str) -> None:
    """Any text is a term or a mistake, and a term keeps its text."""
    term = parse_term(text)
    assert getattr(term, "text", text) == text


def test_typed() -> None:
    """A selection in a command is quoted for a shell."""
    assert parse_selection("all,!16").typed == "'all,!16'"
    assert parse_selection("1, 16").typed == "1,16"
    assert parse_selection("20 of all").typed == "'20 of all'"


@pytest.mark.parametrize(
    ("text", "computed"), [(None, False), ("all", False), ("1,master", False), ("1-2", True), ("all,!1", True)]
)
def test_computed(text: str | None, computed: bool) -> None:
    """Only where terms stand for tenants has somebody to be told who they are."""
    assert parse_selection(text).computed == computed


@pytest.mark.parametrize(
    ("given", "offered"),
    [
        ("", ["all", "master", "1", "2", "16"]),
        ("1,", ["1,master", "1,2", "1,16"]),
        ("1,!1", ["1,!1", "1,!16"]),
        ("@t", ["@tier=internal", "@tier=trial"]),
        ("!@s", ["!@server=eu1", "!@server=eu2"]),
        ("b", ["behind", "blocked"]),
    ],
)
def test_complete(given: str, offered: list[str]) -> None:
    """A shell is offered ids, labels, servers and states, after the last comma and after an exclamation mark."""
    words = complete(given, FLEET[:3], MASTER)
    assert words[: len(offered)] == offered
    assert given in ("", "1,") or words == offered
