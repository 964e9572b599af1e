"""Writing to a server whose environment is production: never by accident, so a person or an option has to say so."""

import sys
from collections.abc import Iterable

import click

from tenantry.model import Server
from tenantry.model.errors import ConfigError, Problem

YES = click.Option(["--yes"], is_flag=True, help="Write to servers whose environment is production without asking.")


def confirm_production(servers: Iterable[Server], *, sure: bool, asks: bool = False) -> None:
    """Raise ConfigError if one of the servers is in production, unless `sure`.

    `asks`: whoever types the name of the environment on the terminal is sure as well. Without a terminal, as in a
    pipeline, nobody is asked.
    """
    guarded = {server.name: server.environment for server in servers if server.environment}
    if sure or not guarded:
        return
    if not (asks and sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigError(tuple(_refuse(name, environment) for name, environment in guarded.items()))
    for environment in dict.fromkeys(guarded.values()):
        _ask(environment, [name for name, its in guarded.items() if its == environment])


def _refuse(name: str, environment: str) -> Problem:
    return Problem(
        f"servers.{name}: the environment is {environment}, expected --yes with a verb that writes",
        'check the selection with "tenantry plan", then run the same command with --yes',
    )


def _ask(environment: str, names: list[str]) -> None:
    # Not stdout, which holds the report alone.
    sys.stderr.write(f"this run writes to {environment}: {', '.join(names)}\ntype {environment} to continue: ")
    sys.stderr.flush()
    said = sys.stdin.readline().strip()
    if said != environment:
        message = f"{said!r} was typed, expected {environment}: nothing was changed"
        raise ConfigError((Problem(message),))
