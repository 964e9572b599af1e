"""`tenants`: what tenants.yaml means, each connection tried."""

from collections.abc import Generator

from tenantry.fleet.turns import Job
from tenantry.model import Tenant
from tenantry.model.errors import Blocked, NoDatabase, TenantError, Unreachable
from tenantry.model.events import DatabaseOpened, Event, RowReported, Verdict
from tenantry.model.results import Cell, Result, Standing
from tenantry.project import Project
from tenantry.verbs.jobs import run_job
from tenantry.verbs.opening import open_request
from tenantry.verbs.options import JOBS, SERVER, SHARD, TENANTS, WAIT
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Show every tenant with its server, its database and the number of files in its set, and try each connection.

\b
  tenantry tenants
  tenantry tenants --tenants 16
"""

# What is shown for a connection that failed; of all other errors, that it was refused.
_CONNECTIONS = {Unreachable: "unreachable", NoDatabase: "no database", Blocked: "too many connections"}


def start(project: Project) -> Events:
    """Report what tenants.yaml says about every selected tenant, and try its connection.

    Raises ServerError where the embedded server cannot be started.
    """
    return run_job(project, "tenants", _make_job(project))


def _start(request: Request) -> Events:
    return start(open_request(request, lenient=True))


def _make_job(project: Project) -> Job:
    def tenants(tenant: Tenant) -> Generator[Event, None, Verdict]:
        cells: dict[str, Cell] = {
            "name": tenant.title,
            "set": tenant.set_name.value,
            "files": len(project.files(tenant)),
            "server": tenant.server.name,
            "database": tenant.database,
            "labels": ", ".join(f"{key}={value}" for key, value in tenant.labels),
        }
        try:
            with project.reading(tenant) as ledger:
                if ledger is None:
                    yield RowReported(tenant.name, cells | {"connection": "no database yet"})
                    return Verdict(Result.OK, standing=Standing.NO_DATABASE)
                version = ledger.connection.info.server_version
                role = ledger.connection.info.user
        except TenantError as error:
            # Shown all the same: the meaning of tenants.yaml does not depend on the server.
            yield RowReported(tenant.name, cells | {"connection": _CONNECTIONS.get(type(error), "refused")})
            raise
        look = project.sessions.look(tenant)
        yield DatabaseOpened(tenant.name, tenant.server.name, tenant.database, version, look)
        yield RowReported(tenant.name, cells | {"connection": f"PostgreSQL {_readable(version)} as {role}"})
        return Verdict(Result.OK, standing=Standing.CONNECTED)

    return tenants


def _readable(server_version: int) -> str:
    """Return 17.10 for 170010."""
    return f"{server_version // 10_000}.{server_version % 10_000}"


VERB = Verb(_HELP, (TENANTS, SHARD, JOBS, SERVER, WAIT), _start)
