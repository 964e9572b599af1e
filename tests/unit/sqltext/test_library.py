"""The parser of the server: what it knows, and how it is called."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tenantry import sqltext
from tenantry.sqltext import FaultKind
from tests.unit.sqltext.samples import NEWER, find


def test_split_in_threads() -> None:
    """Several threads may split at the same time."""
    text = "SELECT 'é';\nSELECT 2;" * 200
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(sqltext.split, [text, f"{text} x"] * 20))
    assert {len(statements) for statements in found} == {400, 401}


@pytest.mark.parametrize("read", [sqltext.split, find], ids=["split", "check"])
def test_nul(read: Callable[[str], object]) -> None:
    """NUL is refused: the library would stop reading there and call the rest fine."""
    with pytest.raises(ValueError, match=r"^SQL: a NUL character, expected text that PostgreSQL accepts$"):
        read("SELECT 1;\0COMMIT")


@pytest.mark.parametrize("terms", [3_000, 14_000, 300_000])
def test_a_deep_statement_is_for_the_server_to_judge(terms: int) -> None:
    """An expression of any depth neither ends the process nor the check."""
    deep = "+".join("1" * terms)
    assert find(f"CREATE INDEX CONCURRENTLY i ON t ((a + {deep})); COMMIT") == [
        (FaultKind.TRANSACTION_CONTROL, 1, 2 * terms + 43)
    ]


def test_the_grammar_is_that_of_its_major() -> None:
    """The parser knows what came with the major it is said to have, and nothing newer."""
    assert sqltext.GRAMMAR_MAJOR == 18
    assert find("CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a) VIRTUAL)") == []
    assert all(find(newer)[0][0] is FaultKind.SYNTAX for newer in NEWER)


def test_the_python_code_of_the_wheel_is_never_imported() -> None:
    """Only the library file is used: the wheel's own code takes half a second to import."""
    script = (
        "import sys; from runner import sqltext; sqltext.check('VACUUM', transactional=True);"
        "print([name for name in sys.modules if name.startswith(('postgast', 'google'))])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("[]\n", "")
