"""What a header asks of the runner: values and units, fenced queries, and every fault at its line."""

import pytest

from tenantry.files.header import parse_header
from tenantry.model import Allowance, Assertion, Batch, Directives

TIME = "expected a time such as 500ms, 5s or 10min"
FENCE = "write the query on the same line, or on its own lines between two lines -- ```"
ONE, OTHER = f"sha256:{'1a' * 32}", f"sha256:{'2b' * 32}"


def read(*lines: str, transactional: bool = True) -> Directives:
    """Return what these lines of a header ask for."""
    header, problems = parse_header(_write(lines, transactional=transactional))
    assert problems == ()
    return header.directives


def refuse(*lines: str, transactional: bool = True) -> list[str]:
    """Return what is said of lines that are expected to be wrong: `line: message | hint`."""
    _, problems = parse_header(_write(lines, transactional=transactional))
    assert problems
    return [f"{p.line}: {p.message} | {p.hint}" if p.hint else f"{p.line}: {p.message}" for p in problems]


def _write(lines: tuple[str, ...], *, transactional: bool) -> str:
    mode = () if transactional else ("transactional: false",)
    return "".join(f"-- {line}\n" for line in (*lines, *mode)) + "SELECT 1;\n"


VALUES = {
    "lock-timeout: 500ms": Directives(lock_timeout_ms=500),
    "lock-timeout: 5s": Directives(lock_timeout_ms=5_000),
    "lock-timeout: 5 s": Directives(lock_timeout_ms=5_000),
    "lock-timeout: 10min": Directives(lock_timeout_ms=600_000),
    "statement-timeout: 2h": Directives(statement_timeout_ms=7_200_000),
    "statement-timeout: 1d": Directives(statement_timeout_ms=86_400_000),
    "statement-timeout: 999999999ms": Directives(statement_timeout_ms=999_999_999),
    "statement-timeout: 0s": Directives(statement_timeout_ms=0),
    "lint: allow table-rewrite because it is small": Directives(
        allowed=(Allowance("table-rewrite", "it is small", 1),)
    ),
    "lint: allow squawk/prefer-text-field  because  of the ORM": Directives(
        allowed=(Allowance("squawk/prefer-text-field", "of the ORM", 1),)
    ),
    f"replaces: {ONE}": Directives(replaces=(ONE,)),
    "require: SELECT count(*) = 0 FROM rooms": Directives(require=(Assertion("SELECT count(*) = 0 FROM rooms", 1),)),
    "ensure: SELECT x = ':' -- a: b": Directives(ensure=(Assertion("SELECT x = ':' -- a: b", 1),)),
}


@pytest.mark.parametrize(("line", "expected"), VALUES.items(), ids=VALUES)
def test_value(line: str, expected: Directives) -> None:
    """A key with its value is read, times in milliseconds."""
    assert read(line) == expected


BATCHES = {
    "batch: 5000": Batch(5_000),
    "batch: 1 pause 0s": Batch(1),
    "batch: 5000 pause 100ms": Batch(5_000, 100),
    "batch: 5000  pause  1min": Batch(5_000, 60_000),
}


@pytest.mark.parametrize(("line", "expected"), BATCHES.items(), ids=BATCHES)
def test_batch(line: str, expected: Batch) -> None:
    """A batch is a number of rows, and a pause where one is given."""
    assert read(line, transactional=False) == Directives(batch=expected)


def test_several() -> None:
    """Keys that are lists may be given several times, and keep their order and their lines."""
    lines = (
        "lint: allow b because of one",
        f"replaces: {OTHER}",
        "require: SELECT 1 = 1",
        "Rates for each room.",
        "lint: allow a because of two",
        f"replaces: {ONE}",
        "require: SELECT 2 = 2",
    )
    assert read(*lines) == Directives(
        allowed=(Allowance("b", "of one", 1), Allowance("a", "of two", 5)),
        replaces=(OTHER, ONE),
        require=(Assertion("SELECT 1 = 1", 3), Assertion("SELECT 2 = 2", 7)),
    )


BAD_TIMES = ("5", "5sec", "5m", "-5s", "1.5s", "", "5s 3", "'5s'", "25d", "2147483648ms", "1000us", "5S")


@pytest.mark.parametrize("value", BAD_TIMES)
def test_bad_time(value: str) -> None:
    """A time needs one of PostgreSQL's units, and fits one of its settings."""
    assert refuse(f"lock-timeout: {value}") == [f"1: header key 'lock-timeout': {value!r} is not a valid value, {TIME}"]
    assert refuse(f"statement-timeout: {value}") == [
        f"1: header key 'statement-timeout': {value!r} is not a valid value, {TIME}; 0s is none"
    ]


ROWS = "expected a number of rows, such as 5000, or 5000 pause 100ms"
CHECKSUM = "expected a checksum of an earlier text of this file: sha256: and 64 digits"
BAD_VALUES = {
    "lock-timeout: 0s": TIME,
    "lint: off": "expected: allow RULE because REASON",
    "lint: allow table-rewrite": "expected: allow RULE because REASON",
    "lint: allow table-rewrite because": "expected: allow RULE because REASON",
    "lint: allow Table because x": "expected: allow RULE because REASON",
    "replaces: 0011": CHECKSUM,
    "replaces: sha256:12": CHECKSUM,
    f"replaces: {ONE.upper()}": CHECKSUM,
    f"replaces: {ONE} {OTHER}": CHECKSUM,
    "batch: 0": ROWS,
    "batch: all": ROWS,
    "batch: 5000 rows": ROWS,
    "batch: 10000000": ROWS,
    "batch: 5000 pause": ROWS,
    "batch: 5000 pause 5": f"{TIME}; 0s is none",
}


@pytest.mark.parametrize(("line", "expected"), BAD_VALUES.items(), ids=[line[:40] for line in BAD_VALUES])
def test_bad_value(line: str, expected: str) -> None:
    """A value that cannot be meant is an error at its line, which says what was expected."""
    key, _, value = line.partition(": ")
    assert refuse("Rates.", line, transactional=False) == [
        f"2: header key {key!r}: {value!r} is not a valid value, {expected}"
    ]


@pytest.mark.parametrize("key", ["lock-timeout: 5s", "statement-timeout: 5s", "batch: 5000"])
def test_given_twice(key: str) -> None:
    """A key that takes one value and is given twice is an error, even if both say the same."""
    name = key.partition(":")[0]
    assert refuse(key, key, transactional=False) == [f"2: header key {name!r}: given twice, expected once"]


def test_batch_in_a_transaction() -> None:
    """A batch in a file that runs in one transaction is an error: each batch is a transaction of its own."""
    assert refuse("Rates.", "batch: 5000") == [
        "2: header key 'batch': not allowed in a file that runs in one transaction, expected one that does not | "
        'add the line "-- transactional: false"'
    ]


def test_all_faults_at_once() -> None:
    """Every faulty line is named, in order."""
    lines = ("lock-timeout: 5", "lint: off", "transactionl: false", "require:", "transactional: no", "batch: 5")
    assert [said.split(":", 1)[0] for said in refuse(*lines)] == ["1", "2", "3", "4", "5", "6"]


FENCED = {
    "one line": (("require:", "```", "SELECT true", "```"), Assertion("SELECT true", 3)),
    "named": (("require:", "```sql", "SELECT true", "```"), Assertion("SELECT true", 3)),
    "indented": (("require:", "```", "SELECT a", "  FROM b", "```"), Assertion("SELECT a\n  FROM b", 3)),
    "a comment in it": (("require:", "```", "-- why", "SELECT true", "```"), Assertion("-- why\nSELECT true", 3)),
    "keys in it": (
        ("require:", "```", "-- lock-timeout: 5s", "lock-timeout: x", "SELECT true", "```"),
        Assertion("-- lock-timeout: 5s\nlock-timeout: x\nSELECT true", 3),
    ),
    "a blank line of comment": (("require:", "```", "SELECT", "", "true", "```"), Assertion("SELECT\n\ntrue", 3)),
    "below prose": (("No two alike.", "require:", "```", "SELECT true", "```"), Assertion("SELECT true", 4)),
}


@pytest.mark.parametrize(("lines", "expected"), FENCED.values(), ids=FENCED)
def test_fence(lines: tuple[str, ...], expected: Assertion) -> None:
    """A query of several lines stands between fences behind its key; its line is that of its first one."""
    assert read(*lines) == Directives(require=(expected,))


def test_blank_line_in_a_fence() -> None:
    """A line without dashes is blank in the query."""
    header, problems = parse_header("-- ensure:\n-- ```\n-- SELECT\n\n-- true\n  -- ```\nSELECT 1;\n")
    assert (header.directives.ensure, problems) == ((Assertion("SELECT\n\ntrue", 3),), ())


def test_two_fences() -> None:
    """Each key has its own fence, and a key behind one is a key again."""
    query = ("```", "SELECT true", "```")
    assert read("require:", *query, "ensure:", *query, "lock-timeout: 5s") == Directives(
        lock_timeout_ms=5_000, require=(Assertion("SELECT true", 3),), ensure=(Assertion("SELECT true", 7),)
    )


def test_a_key_in_a_fence_opens_none() -> None:
    """The end of a fence is no beginning of another one, even behind what looks like a key: what follows is read."""
    assert read("require:", "```", "SELECT true", "ensure:", "```", "lock-timeout: 5s") == Directives(
        lock_timeout_ms=5_000, require=(Assertion("SELECT true\nensure:", 3),)
    )


FAULTS = {
    "no query": (
        ("require:",),
        f"1: header key 'require': no query, expected one after the colon or between fences | {FENCE}",
    ),
    "prose behind it": (
        ("ensure:", "all is well"),
        f"1: header key 'ensure': no query, expected one after the colon or between fences | {FENCE}",
    ),
    "prose before the fence": (
        ("ensure:", "this:", "```", "SELECT true", "```"),
        f"1: header key 'ensure': no query, expected one after the colon or between fences | {FENCE}",
    ),
    "nothing in the fence": (
        ("require:", "```", "", "```"),
        f"1: header key 'require': no query, expected one after the colon or between fences | {FENCE}",
    ),
    "unclosed": (
        ("Rates.", "require:", "```", "SELECT true"),
        "3: unclosed fence, expected a line -- ``` after the query",
    ),
    "closed with another word": (
        ("require:", "```", "SELECT true", "```sql"),
        "2: unclosed fence, expected a line -- ``` after the query",
    ),
    "two queries": (
        ("require: SELECT true", "```", "SELECT false", "```"),
        "1: header key 'require': a query on its line and another after it, expected one | write a key for each query",
    ),
}


@pytest.mark.parametrize(("lines", "expected"), FAULTS.values(), ids=FAULTS)
def test_faulty_fence(lines: tuple[str, ...], expected: str) -> None:
    """A key without a query, with two, or with a fence that has no end is an error: no query is passed over."""
    assert refuse(*lines) == [expected]
