"""The commands that hints name: none works on more tenants than the ones it is said of."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

from tests.places import ROOT

# Those that write into a tenant's database, and that without --tenants work on every tenant or on none.
COMMAND = re.compile(r'tenantry (?:migrate|adopt|accept|mark|forget|rollback|import)\b[^"\n]*')
Texts = Mapping[str, Sequence[str]]


def render(node: ast.expr, known: Texts) -> list[str]:
    """Return what an expression may be as a text: names stand for the texts that the module gives them, else for {}."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(one) for one in product(*(render(part, known) for part in parts))]
        case ast.FormattedValue(value=ast.Name(id=name)) if name in known:
            return list(known[name])
        case _:
            return ["{}"]


def find_texts(tree: ast.Module) -> Iterator[str]:
    """Yield every text of a module but docstrings and helps, whose examples are no hints."""
    known: defaultdict[str, list[str]] = defaultdict(list)
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id="_HELP")], value=value) | ast.Expr(value=value):
                skipped.add(value)
            # What is meant by the verb of another tool: the options are those that were typed.
            case ast.AnnAssign(target=ast.Name(id="MEANT"), value=ast.Dict() as value):
                skipped.update(ast.walk(value))
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant() | ast.JoinedStr() as value):
                known[name] += render(value, {})
            case _:
                pass
    within = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and node not in skipped | within:
            yield from render(node, known)


def find_commands(root: Path) -> list[tuple[str, str]]:
    """Return module and command for every command in the texts of a package."""
    return [
        (path.name, command)
        for path in sorted(root.rglob("*.py"))
        for text in find_texts(ast.parse(path.read_text("utf-8")))
        for command in COMMAND.findall(text)
    ]


def test_a_hint_that_writes_names_its_tenants() -> None:
    """Every command in a hint that writes into databases says into which ones; what writes files is apart.

    A run that is resumed has its own tenants.
    """
    commands = find_commands(ROOT / "runner")
    assert len(commands) > 20
    named = ("--tenants", "--files", "--resume")
    assert [one for one in commands if not any(option in one[1] for option in named)] == []


def test_texts_are_found(tmp_path: Path) -> None:
    """A command is found in a plain text, in one with values, and in one that is put together from names."""
    (tmp_path / "a.py").write_text(
        '''"""tenantry mark 1"""
_HELP = "tenantry mark 2"
repair = f"--reason {1}"
hint = f'run "tenantry forget {version} ' f'{repair}" now' if 1 else 'or "tenantry migrate", then'
''',
        "utf-8",
    )
    assert find_commands(tmp_path) == [("a.py", "tenantry forget {} --reason {}"), ("a.py", "tenantry migrate")]
