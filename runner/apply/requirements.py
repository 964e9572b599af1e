"""What pending files require of a tenant's database, asked ahead of the rollout. Reads only."""

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
    """Yield what keeps pending files, in the order in which they are to run, from being applied to a database.

    What a file asks about and an earlier one may make cannot be said yet, and is a warning. The versions that were
    `begun` were asked about before their first statement, and are not again. Raises psycopg.Error.
    """
    earlier = ""
    for step in steps:
        asked = () if step.version in begun else find_unmet(connection, step, "require")
        for unmet in asked:
            yield _tell(tenant, step, unmet, earlier)
        earlier = label(step.version, step.name)


def count_unmet(count: int) -> str:
    """Return how many requirements are not met, in words."""
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
