"""The house: each package has one duty, each name one meaning, and what the names say is what is there."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.places import ROOT

PACKAGE = ROOT / "runner"
PACKAGES = sorted(path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE)
# Their names are used together, as one vocabulary.
HANDED_ON = {Path("model"), Path("sqltext")}


def test_no_class_name_is_taken_twice() -> None:
    """Every class of the package can be told from all others by its name alone."""
    names = Counter(
        node.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("package", PACKAGES, ids=str)
def test_a_package_is_its_docstring(package: Path) -> None:
    """The first file of a package says its duty, and holds no code; two hand on the names of their modules."""
    body = ast.parse((PACKAGE / package / "__init__.py").read_text("utf-8")).body
    assert isinstance(body[0], ast.Expr)
    assert isinstance(body[0].value, ast.Constant)
    assert body[0].value.value
    code = [node for node in body[1:] if not isinstance(node, ast.ImportFrom | ast.Assign)]
    assert (code if package in HANDED_ON else body[1:]) == []


def test_the_package_has_one_name() -> None:
    """The package is imported as `tenantry` everywhere: under two names, every class would be there twice."""
    found = [
        path
        for folder in ("runner", "tests", "bench")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "runner")
        or (isinstance(node, ast.Import) and any(name.name.split(".")[0] == "runner" for name in node.names))
    ]
    assert found == []


def test_the_lowest_lock_has_the_floors() -> None:
    """Each lowest version in pyproject.toml is the one that `make test-lowest` installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    required = (*project["dependencies"], *project["optional-dependencies"]["unit"])
    floors = [re.fullmatch(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)[^;]*", one) for one in required]
    assert all(floors)
    lock = (ROOT / "requirements-lowest.lock").read_text("utf-8")
    locked = dict(re.findall(r"^([\w-]+)==([\w.]+)", lock, re.MULTILINE))
    wrong = [one[0] for one in floors if one and not f"{locked[one[1].lower()]}.".startswith(f"{one[2]}.")]
    assert wrong == []


# Not the tables of other tools, whose names end so: schema_migrations, _sqlx_migrations.
LEDGER_TABLE = re.compile(r"(?<!\w)_migrations")
# Where the names of the ledger's tables stand for all other modules.
NAMED = PACKAGE / "model" / "records.py"


def read_texts(path: Path) -> Iterator[str]:
    """Yield what a file of the package says: the strings of a module, f-strings among them, or all of a SQL file."""
    text = path.read_text("utf-8")
    if path.suffix == ".sql":
        yield text
    else:
        constants = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
        yield from (node.value for node in constants if isinstance(node.value, str))


def test_the_ledger_alone_knows_its_tables() -> None:
    """The names of the ledger's tables are spelled in the ledger, and once for those that leave them out or show them.

    Whoever needs to write such a name elsewhere is about to know columns that are not theirs to know.
    """
    found = {
        path
        for path in PACKAGE.rglob("*")
        if path.suffix in (".py", ".sql") and any(map(LEDGER_TABLE.search, read_texts(path)))
    }
    assert {path for path in found if PACKAGE / "ledger" not in path.parents} == {NAMED}
