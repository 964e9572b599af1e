"""How many tenants may be worked on at once with the files that this process may have open: connections are files."""

import resource

from tenantry.model.errors import Problem
from tenantry.model.events import WarningRaised
from tenantry.postgres.capacity import EACH

# Arbitrary: the standard streams, the scratch database and its server, modules that are loaded, names that are looked
# up. With less, a run would stop in the middle of its report.
_OTHERS = 24
# Arbitrary: an embedded server does not start with less than about 60, and inherits the limit of this process.
_SERVER = 256


def limit_jobs(jobs: int, servers: int) -> tuple[int, WarningRaised | None]:
    """Return how many tenants of each server may run at once, at most `jobs`, and a warning if these are fewer.

    The limit of this process is raised as far as the system lets it.
    """
    wanted = jobs * max(servers, 1) * EACH + _OTHERS
    limit = _raise_limit(max(wanted, _SERVER))
    if limit >= wanted:
        return jobs, None
    fewer = max((limit - _OTHERS) // (EACH * max(servers, 1)), 1)
    message = f"--jobs {jobs}: this process may open {limit} files, so that it works on {fewer} at once on each server"
    return fewer, WarningRaised("", Problem(message, f'run "ulimit -n {wanted}" first, or use a lower --jobs'))


def _raise_limit(wanted: int) -> int:
    """Raise the soft limit of open files to what is wanted if it is lower, and return the limit there is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    if soft == endless or soft >= wanted:
        return wanted
    best = wanted if hard == endless else min(wanted, hard)
    if best > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (best, hard))
        except (OSError, ValueError):  # macOS has a lower limit of its own, which it does not tell
            return soft
    return max(best, soft)
