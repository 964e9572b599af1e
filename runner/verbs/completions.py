"""The names that a shell offers for arguments and options. A mistake in tenants.yaml is no name, and no message."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click

from tenantry.config.model import Config
from tenantry.config.place import find_tenants_file
from tenantry.config.reading import read
from tenantry.model.errors import RunError


def complete_tenants(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer what may follow the last comma of --tenants."""
    del param
    from tenantry.fleet.completion import complete

    config = _read_config(ctx)
    return complete(incomplete, config.tenants, config.master) if config else []


def complete_versions(ctx: click.Context, incomplete: str) -> list[str]:
    """Offer the migrations of all sets, by the names of their files."""
    config = _read_config(ctx)
    folders = filter(None, (config.master_migrations, config.tenant_migrations)) if config else ()
    names = {path.stem for folder in folders for path in folder.glob("[0-9]*_*.sql") if "." not in path.stem}
    return sorted(name for name in names if name.startswith(incomplete))


def complete_rules(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the rules of lint whose findings a run refuses."""
    del ctx, param
    from tenantry.lint.gate import list_dangers

    return [rule for rule in list_dangers() if rule.startswith(incomplete)]


def complete_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the runs of this machine, the newest first."""
    del param
    from tenantry.fleet.journal.places import LAST
    from tenantry.fleet.journal.reading import find_runs

    config = _read_config(ctx)
    found = [LAST]
    with suppress(RunError, OSError):
        found += [header.short for header, _, _ in find_runs(config).headers() if header] if config else []
    return [name for name in found if name.startswith(incomplete)]


def complete_databases(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the databases of the embedded server, by tenant and by name."""
    del param
    return [name for name in dict.fromkeys(_list_databases(_read_config(ctx))) if name.startswith(incomplete)]


def complete_stages(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the stages of the rollout."""
    del param
    config = _read_config(ctx)
    return [rule.name for rule in config.rollout.stages if rule.name.startswith(incomplete)] if config else []


def complete_servers(ctx: click.Context, incomplete: str) -> list[str]:
    """Offer the servers, up to the sign that the connection string follows."""
    config = _read_config(ctx)
    return [f"{name}=" for name in config.servers if name.startswith(incomplete)] if config else []


def _read_config(ctx: click.Context) -> Config | None:
    path = ctx.params.get("config") or ctx.find_root().params.get("config")
    try:
        return read(Path(path) if path else find_tenants_file(), env=os.environ)
    # The shell would print a message into the line that is being typed.
    except RunError:
        return None


def _list_databases(config: Config | None) -> Iterator[str]:
    known = [tenant for tenant in (config.master, *config.tenants) if tenant] if config else []
    for tenant in known:
        if tenant.server.embedded:
            yield tenant.name
            yield tenant.database
