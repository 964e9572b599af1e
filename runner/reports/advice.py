"""The command to type after a run, and where a tenant was left. Pure."""

import re
from collections.abc import Iterator, Sequence

from tenantry.model import label
from tenantry.model.events import MigrationFailed
from tenantry.model.outcome import Outcome, TenantOutcome
from tenantry.model.results import GOOD, Result, Standing
from tenantry.model.tenants import ALL, MASTER, SINGLE
from tenantry.reports.formats import Call
from tenantry.reports.wording import type_tenants

# Of those that are alone.
_NOUNS = {MASTER: "the master", SINGLE: "the database"}
# They change nothing unless they are told to.
_SHOW_FIRST = frozenset({"adopt", "import"})
_AGAIN = frozenset({Result.BLOCKED, Result.UNREACHABLE, Result.STOPPED, Result.NOT_STARTED})


def list_next_steps(outcome: Outcome, call: Call) -> Iterator[tuple[str, str]]:
    """Yield when, and the command to type then; only `migrate`, `adopt` and `import` have one."""
    tenants = list(outcome.tenants.values())
    if outcome.verb in _SHOW_FIRST:
        changed = [tenant for tenant in tenants if tenant.verdict and tenant.verdict.standing is Standing.TO_CHANGE]
        if changed:
            yield "next", f"{call.again} --tenants {type_tenants([tenant.tenant for tenant in changed], call)} --write"
        return
    if outcome.verb != "migrate":
        return
    behind = [tenant for tenant in tenants if tenant.verdict and tenant.verdict.result not in GOOD]
    if behind and all(_is_unproven(tenant) for tenant in behind):
        # Nothing is pending there: the same command again would not verify anything.
        yield "after fixing that", f"{call.program} verify{call.servers} --tenants {_choose(behind, call)}"
    elif behind:
        only_again = all(tenant.verdict and tenant.verdict.result in _AGAIN for tenant in behind)
        when = "next" if only_again else "after fixing that"
        yield when, f"{_repeat(behind, call)} --tenants {_choose(behind, call)}"
    elif tenants and tenants[0].look:
        noun = _NOUNS.get(",".join(outcome.tenants), "a tenant")
        yield f"inspect {noun}", _look(tenants, call)


def describe_rest(failed: MigrationFailed) -> str:
    """Return how much of a failed file is left in the database, in words."""
    name = label(failed.migration.version, failed.migration.name)
    if failed.rolled_back:
        return f"{name} was rolled back"
    return f"{name} was left unfinished" if not failed.migration.transactional else f"parts of {name} may remain"


def locate(tenants: Sequence[TenantOutcome]) -> str:
    """Return the version of tenants that share one, in words."""
    version, one = tenants[0].version, len(tenants) == 1
    if version:
        return f"the database is now at {version}" if one else f"the databases are now at {version}"
    return "the database has no migrations" if one else "the databases have no migrations"


def _is_unproven(tenant: TenantOutcome) -> bool:
    """Return whether all files of a tenant are applied, and its schema is not the one that they describe."""
    return bool(tenant.verdict and tenant.verdict.result is Result.FINDING) and not tenant.pending


def _repeat(behind: Sequence[TenantOutcome], call: Call) -> str:
    """Return the command of this run for those that are left, without its tenants."""
    again = call.again
    if any(tenant.begun for tenant in behind):
        # The statement to resume at is written down once the file runs on, and may be another one by now.
        again = re.sub(r" --resume-at \d+", "", again)
    # What is missing has to be created first, and it is this command that does it.
    absent = any(tenant.verdict and tenant.verdict.standing is Standing.NO_DATABASE for tenant in behind)
    return f"{again} --create" if absent and " --create" not in again else again


def _choose(behind: Sequence[TenantOutcome], call: Call) -> str:
    """Return the tenants of the next command: those that are left, or all that were chosen if these are many."""
    # Those that are up to date are looked at again, which is cheap and easier to type. Never more: whoever chose a
    # part of the fleet must not be led to work on the rest of it.
    typed = type_tenants([tenant.tenant for tenant in behind], call)
    if typed != call.selection:
        return typed
    # By the journal of this run, which has everybody. A dry run has none.
    if call.selection != ALL or " --dry-run" in call.again:
        return call.selection
    if all(_is_unproven(tenant) for tenant in behind):
        return "unproven"
    failed = all(tenant.verdict and tenant.verdict.result is Result.FAILED for tenant in behind)
    return "failed" if failed else "behind"


def _look(tenants: Sequence[TenantOutcome], call: Call) -> str:
    """Return the command that opens a tenant; the master only if no tenant was selected."""
    look = next((tenant.look for tenant in tenants if tenant.tenant != MASTER), tenants[0].look)
    return type_here(look, call)


def type_here(command: str, call: Call) -> str:
    """Return a command as it can be typed here."""
    return command.replace("tenantry", call.program, 1) if command.startswith("tenantry ") else command
