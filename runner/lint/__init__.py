"""What files would do to a live database: one rule a module, by the syntax and by what was measured. Pure."""

from collections.abc import Sequence

from runner.effects import Effect
from runner.lint.hazard import Hazard, Level
from runner.lint.rule import Found, Rule
from runner.model import Migration

__all__ = ["RULES", "Found", "Hazard", "Level", "Rule", "lint"]

RULES: dict[str, Rule] = {}


def lint(migrations: Sequence[Migration], effects: Sequence[Sequence[Effect]] | None) -> tuple[Hazard, ...]:
    """Return what the rules find in the files, in order of file and place.

    `effects` are those of each file, in the same order; None where there is nowhere to measure: then only what the
    syntax tells is found.
    """
    return ()
