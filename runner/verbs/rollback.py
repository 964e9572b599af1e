"""`rollback`: undo the newest version of a tenant by its rollback file, or all that are newer than one."""

import click

from tenantry.apply.rollback import Wanted, make_rollback_job
from tenantry.fleet.selection import ALL
from tenantry.model.errors import ConfigError, Problem
from tenantry.verbs import Events, Request, Verb
from tenantry.verbs.options import (
    DRY_RUN,
    JOBS,
    LOCK_WAIT,
    NO_VERIFY,
    REASON,
    SERVER,
    TENANTS_REQUIRED,
    Version,
    open_request,
    run_job,
    without_master,
)

_HELP = """Undo the newest version by its NNNN_name.rollback.sql, in one transaction with its record, which stays.

What runs is the text that was recorded when the version was applied; where the file is another one by now, the
difference is shown. With --to, all versions that are newer are undone, newest first. The version is pending
afterwards: take its file away, or mend it, before the next migrate.

\b
  tenantry rollback 12 --tenants 16 --reason "locks the calendar" --dry-run
  tenantry rollback --to 9 --tenants 1,16 --reason "release 4 withdrawn"
"""

_PARAMS = (
    click.Argument(["version"], type=Version(), required=False),
    click.Option(["--to"], type=Version(), metavar="VERSION", help="Undo all versions that are newer than this one."),
    TENANTS_REQUIRED,
    REASON,
    click.Option(["--out-of-order"], is_flag=True, help="Undo it although newer versions are applied, and stay."),
    click.Option(["--from-files"], is_flag=True, help="Run the rollback file as it is now, not as it was recorded."),
    NO_VERIFY,
    DRY_RUN,
    JOBS,
    LOCK_WAIT,
    SERVER,
)


def _start(request: Request) -> Events:
    options = request.options
    version, above, reason = options["version"], options["to"], options["reason"].strip()
    if (version is None) == (above is None):
        raise ConfigError((Problem("VERSION: expected the version to undo, or --to and the newest one to keep"),))
    if not reason:
        raise ConfigError((Problem("--reason: empty, expected why the version is undone"),))
    project = without_master(open_request(request), options.get("tenants") or ALL)
    wanted = Wanted(
        version=version if above is None else above,
        reason=reason,
        above=above is not None,
        late=options["out_of_order"],
        from_files=options["from_files"],
        dry_run=options["dry_run"],
        prove=not options["no_verify"],
    )
    return run_job(request, project, make_rollback_job(project, wanted))


VERB = Verb(_HELP, _PARAMS, _start)
