"""The rules of lint, and the findings of all of them in a set of files. Pure."""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence

from tenantry import sqltext
from tenantry.lint.allowing import ALLOW, check_allowances
from tenantry.lint.joining import join
from tenantry.lint.names import trace
from tenantry.lint.reading import LintedFile, LintedStatement, read_files
from tenantry.lint.rule import Match, Rule
from tenantry.lint.rules import (
    backfill,
    cascade,
    column_type,
    constraint_index,
    deferred_check,
    drop,
    enum_value,
    full_scan,
    index,
    lock_order,
    lock_table,
    not_valid,
    refresh,
    rename,
    required_column,
    row_security,
    set_not_null,
    table_rewrite,
    transaction_default,
    trigger,
    truncate,
    unmeasured,
    upkeep,
    volatile_default,
    whole_table,
)
from tenantry.model import Migration
from tenantry.model.effects import Measured
from tenantry.model.hazards import Harm, Hazard, Level

RULES: dict[str, Rule] = {
    "allow": ALLOW,
    "backfill": backfill.RULE,
    "cascade": cascade.RULE,
    "column-type": column_type.RULE,
    "constraint-index": constraint_index.RULE,
    "deferred-check": deferred_check.RULE,
    "drop": drop.RULE,
    "enum-value": enum_value.RULE,
    "full-scan": full_scan.RULE,
    "index": index.RULE,
    "lock-order": lock_order.RULE,
    "lock-table": lock_table.RULE,
    "not-valid": not_valid.RULE,
    "refresh": refresh.RULE,
    "rename": rename.RULE,
    "required-column": required_column.RULE,
    "row-security": row_security.RULE,
    "set-not-null": set_not_null.RULE,
    "table-rewrite": table_rewrite.RULE,
    "transaction-default": transaction_default.RULE,
    "trigger": trigger.RULE,
    "truncate": truncate.RULE,
    "unmeasured": unmeasured.RULE,
    "upkeep": upkeep.RULE,
    "volatile-default": volatile_default.RULE,
    "whole-table": whole_table.RULE,
}


def lint(
    migrations: Sequence[Migration],
    effects: Sequence[Sequence[Measured]] | None,
    versions: Collection[int] | None = None,
) -> tuple[Hazard, ...]:
    """Return the findings in the files of these versions, or of all if None, in order of file and place.

    `effects` are those of each file, in the same order; None if nobody tried to measure: then the syntax decides.
    """
    files = read_files(migrations, effects)
    chosen = [file for file in files if versions is None or file.migration.version in versions]
    return tuple(hazard for file in chosen for hazard in _lint_file(file))


def find_syntactic_dangers(
    migrations: Sequence[Migration], versions: Collection[int], allowed: Collection[str]
) -> bool:
    """Return whether the syntax of these versions shows a danger that neither a header nor `allowed` allows."""
    return any(
        hazard.level is Level.DANGER and not hazard.allowed and hazard.rule not in allowed
        for hazard in lint(migrations, None, versions)
    )


def _lint_file(file: LintedFile) -> Iterator[Hazard]:
    """Yield the findings in one file, in order; those of one statement in the order of the rules' names."""
    found = [(rule, each) for rule in RULES.values() for each in _join_all(file, rule)]
    # The particular rule knows the cause and the safe form; a general one would report the same statement twice.
    told = {_find(file, each.start) for rule, each in found if rule.level is Level.DANGER and not rule.general}
    kept = [(rule, each) for rule, each in found if not (rule.general and _find(file, each.start) in told)]
    kept += [(ALLOW, each) for each in check_allowances(file, {rule.name for rule, _ in kept}, RULES)]
    for rule, each in sorted(kept, key=lambda pair: pair[1].start):
        yield _make_hazard(file, rule, each)


def _join_all(file: LintedFile, rule: Rule) -> Iterator[Match]:
    """Yield the findings of a rule, one for a statement; none about tables that the file has emptied before."""
    by_statement: dict[int, list[Match]] = {}
    for each in rule.check(file):
        by_statement.setdefault(_index(file, each.start), []).append(each)
    for number, matches in by_statement.items():
        if counting := [each for each in matches if not _is_about_nothing(file.parts[number], rule, each)]:
            yield join(sorted(counting, key=lambda each: each.start))


def _is_about_nothing(part: LintedStatement, rule: Rule, found: Match) -> bool:
    """Return whether a finding that depends on the rows of tables is about those that have none any more."""
    about = found.relations if rule.harm is not Harm.ALWAYS else ()
    return bool(about) and part.emptied.issuperset(about)


def _find(file: LintedFile, start: int) -> int:
    """Return where the statement at a place begins."""
    return file.parts[_index(file, start)].start


def _index(file: LintedFile, start: int) -> int:
    return bisect_right(file.parts, start, key=lambda part: part.start) - 1


def _make_hazard(file: LintedFile, rule: Rule, found: Match) -> Hazard:
    migration = file.migration
    place = sqltext.position(migration.sql, found.start)
    reasons = {allowance.rule: allowance.reason for allowance in migration.directives.allowed}
    return Hazard(
        rule.name,
        rule.level,
        migration.version,
        migration.path,
        place.line,
        place.column,
        found.message,
        found.help,
        found.relations,
        reasons.get(rule.name, ""),
        rule.harm,
        _find_weighed(file, found) if rule.harm is not Harm.ALWAYS else (),
    )


def _find_weighed(file: LintedFile, found: Match) -> tuple[str, ...]:
    """Return the tables whose sizes decide, as they are called before the file; empty if they may be any."""
    index = _index(file, found.start)
    part = file.parts[index]
    if found.read is None or not found.relations:
        return ()
    earlier = [each.effect for each in file.parts[:index] if each.effect]
    names = dict.fromkeys((*found.relations, *found.read, *part.scanned, *part.rewritten))
    traced = [trace(name, earlier) for name in names]
    return tuple(dict.fromkeys(name for name, created in traced if not created))
