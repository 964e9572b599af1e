"""A file that could not be measured: its effect on a live database is not known, which is a danger of its own."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile
from tenantry.lint.rule import Match, Rule
from tenantry.model.hazards import Harm, Level

_HELP = "let its statements run one by one on tables that have rows, or read it and allow this in the header"


def _check(file: LintedFile) -> Iterator[Match]:
    # One finding for a file: all its statements from there on have the same reason.
    for part in file.parts:
        if part.unmeasured:
            reason = " ".join(part.unmeasured.message.split())
            yield Match(part.start, f"its locks, rewrites and full scans are unknown: {reason}", part.unmeasured.hint)
            return


RULE = Rule(
    "unmeasured",
    Level.DANGER,
    "a file could not be measured, so its effect on a live database is unknown",
    _HELP,
    _check,
    harm=Harm.FILLED,
)
# Empty: whether a file can be measured depends on the machine as well.
UNSAFE: tuple[str, ...] = ()
