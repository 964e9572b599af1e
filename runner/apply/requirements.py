"""The requirements of pending files, checked in a tenant's database ahead of the rollout. Reads only."""

from collections.abc import Collection, Iterator, Sequence

from tenantry import sqltext
from tenantry.apply.assertions import Unmet, find_unmet
from tenantry.model import Migration, label
from tenantry.model.errors import Problem
from tenantry.model.events import FindingReported, WarningRaised
from tenantry.postgres.sessions import Connection


def foresee(
    connection: Connection, tenant: str, steps: Sequence[Migration], begun: Collection[int] = frozenset()
) -> Iterator[FindingReported | WarningRaised]:
    """Yield the unmet requirements of pending files, in the order in which the files will run.

    A requirement about objects that an earlier file may create cannot be checked yet, and is a warning. The versions
    that were `begun` were checked before their first statement, and are not checked again. Raises psycopg.Error.
    """
    earlier = ""
    for step in steps:
        asked = () if step.version in begun else find_unmet(connection, step, "require")
        for unmet in asked:
            yield _tell(tenant, step, unmet, earlier)
        earlier = label(step.version, step.name)


def count_unmet(count: int) -> str:
    """Return the number of unmet requirements, in words."""
    return f"{count} {'requirement is' if count == 1 else 'requirements are'} not met"


def _tell(tenant: str, step: Migration, unmet: Unmet, earlier: str) -> FindingReported | WarningRaised:
    name = label(step.version, step.name)
    if unmet.absent and earlier:
        problem = Problem(f"{name}: its requirement cannot be evaluated yet: {unmet.said}")
        return WarningRaised(tenant, problem)
    place = f"{step.path}:{unmet.at.line}:{unmet.at.column}"
    hint = f"make it true before the file runs, as {place} requires"
    if earlier:
        hint = f"{hint}, unless an earlier file does: the last one before it is {earlier}"
    return FindingReported(tenant, Problem(f"{name}: {unmet.said}", hint), sqltext.excerpt(step.text, unmet.at))
