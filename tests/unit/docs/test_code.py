"""The layout of the code, as CONTRIBUTING and the page on the architecture show it."""

import re
import tomllib

from tests.places import ROOT
from tests.unit.docs.markdown import CONTRIBUTING, DOCS, name, read_fences, read_table


def read_layers() -> list[set[str]]:
    """Return the packages and modules of each line of the tree, from the top."""
    tree = next(body for body in read_fences(CONTRIBUTING, "") if "takeover/" in body)
    return [set(line.split()) for line in tree.splitlines()]


def find_packages() -> set[str]:
    """Return each folder and each module at the top of the package."""
    package = ROOT / "runner"
    modules = {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    return modules | {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}


def test_tree_has_every_package() -> None:
    """The tree has each folder and each module at the top of the package, once."""
    layers = read_layers()
    assert sum(map(len, layers)) == len(find_packages())
    assert set().union(*layers) == find_packages()


def test_tree_is_the_contract() -> None:
    """The lines of the tree are the layers that the linter checks."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = [set(re.findall(r"tenantry\.(\w+)", layer)) for layer in contracts[0]["layers"]]
    assert [{entry.removesuffix("/").removesuffix(".py") for entry in line} for line in read_layers()] == layers


def test_duties_are_written_down() -> None:
    """The page on the architecture says the duty of each folder and module, from the top."""
    text = (DOCS / "explained" / "architecture.md").read_text("utf-8")
    told = [name(cell) for cell, _ in read_table(text, "## The packages", "package")]
    assert sorted(told) == sorted(find_packages())
    layers = {entry: level for level, line in enumerate(read_layers()) for entry in line}
    assert [layers[entry] for entry in told] == sorted(layers[entry] for entry in told)
