"""REFRESH MATERIALIZED VIEW that keeps its readers waiting."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import typed
from tenantry.lint.words import advise, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        if part.tag != "RefreshMatViewStmt" or part.node.get("concurrent") or part.node.get("skipData"):
            continue
        if view := part.find(part.node["relation"]):
            message = wait(LockMode.ACCESS_EXCLUSIVE, view, "while its query runs")
            text = f"REFRESH MATERIALIZED VIEW CONCURRENTLY {typed(part.node['relation'])}"
            sentence = "let reads continue meanwhile, which needs a unique index on columns of the view"
            # Its query reads other relations, which may be large while their summary is small.
            read = tuple(part.locks) if part.effect else None
            yield Match(part.start, message, advise(sentence, text), (view,), read)


RULE = Rule(
    "refresh",
    Level.DANGER,
    "a materialized view is refreshed while its readers wait",
    "use REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index on the view",
    _check,
    harm=Harm.LARGE,
)
UNSAFE = ("REFRESH MATERIALIZED VIEW totals;\n",)
