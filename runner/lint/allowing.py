"""What a header allows, looked at in its turn: an allowance that stands for nothing hides what comes later."""

from collections.abc import Collection, Iterator

from tenantry.lint.reading import LintedFile
from tenantry.lint.rule import Match, Rule
from tenantry.lint.rules.unmeasured import RULE as UNMEASURED
from tenantry.model.hazards import Level

# A name such as "squawk/ban-char" is of another linter, whose rules are not ours to know: a file that was applied keeps
# such a line for ever.
_FOREIGN = "/"


def check_allowances(file: LintedFile, found: Collection[str], rules: Collection[str]) -> Iterator[Match]:
    """Yield the allowances of rules that do not exist, or that found nothing in the file, where all was measured.

    That a file may be unmeasured is said for another machine, which has nowhere to measure it.
    """
    measured = all(part.effect for part in file.parts)
    for allowance in file.migration.directives.allowed:
        if _FOREIGN in allowance.rule:
            continue
        start = _start_of_line(file.migration.text, allowance.line)
        if allowance.rule not in rules:
            message = f"{allowance.rule!r} is no rule, expected one of {', '.join(sorted(rules))}"
            yield Match(start, message, "correct the line, or remove it")
        elif measured and allowance.rule not in (*found, UNMEASURED.name):
            message = f"the file has nothing that {allowance.rule} would find"
            yield Match(start, message, "remove the line: it would hide what a later edit brings")


def _start_of_line(text: str, line: int) -> int:
    return sum(len(each) + 1 for each in text.split("\n")[: line - 1])


ALLOW = Rule(
    "allow",
    Level.CAUTION,
    "the header allows what is not there",
    "remove the line, or correct the name of the rule",
    lambda _: (),
)
