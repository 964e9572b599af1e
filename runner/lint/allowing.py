"""The allowances in a header, checked in turn: one that allows nothing would hide a danger that comes later."""

from collections.abc import Collection, Iterator

from tenantry.lint.reading import LintedFile
from tenantry.lint.rule import Match, Rule
from tenantry.lint.rules.unmeasured import RULE as UNMEASURED
from tenantry.model.hazards import Level

# A name such as "squawk/ban-char" is of another linter, whose rules are not ours to know: a file that was applied keeps
# such a line for ever.
_FOREIGN = "/"


def check_allowances(file: LintedFile, found: Collection[str], rules: Collection[str]) -> Iterator[Match]:
    """Yield the allowances of rules that do not exist, or that found nothing in a file that was measured.

    `unmeasured` is never one of them: it is for machines that have nowhere to measure the file.
    """
    measured = all(part.effect for part in file.parts)
    for allowance in file.migration.directives.allowed:
        if _FOREIGN in allowance.rule:
            continue
        start = _start_of_line(file.migration.text, allowance.line)
        if allowance.rule not in rules:
            message = f"{allowance.rule!r} is not a rule, expected one of {', '.join(sorted(rules))}"
            yield Match(start, message, "correct the line, or remove it")
        elif measured and allowance.rule not in (*found, UNMEASURED.name):
            message = f"the file has nothing that {allowance.rule} would find"
            yield Match(start, message, "remove the line: it would hide a danger that a later edit adds")


def _start_of_line(text: str, line: int) -> int:
    return sum(len(each) + 1 for each in text.split("\n")[: line - 1])


ALLOW = Rule(
    "allow",
    Level.CAUTION,
    "the header allows a finding that the file does not have",
    "remove the line, or correct the name of the rule",
    lambda _: (),
)
