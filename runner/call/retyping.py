"""The command as it was typed, for those that a report advises: without secrets, or what need not be repeated."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tenantry.verbs.verb import Repeated, load_verb

if TYPE_CHECKING:
    from tenantry.reports.formats import Call

# What the next command has of its own, or need not repeat.
_NOT_AGAIN = frozenset(
    {"tenants", "shard", "format", "reports", "verbose", "quiet", "log_format", "env_file", "reason", "config"}
    | {"resume", "yes"}
)


def is_given(context: click.Context, name: str) -> bool:
    """Return whether an option or argument stands on the command line."""
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def make_call(context: click.Context) -> "Call":
    """Return how the verb was called, for the commands that its report advises."""
    from tenantry.model.tenants import ALL
    from tenantry.reports.formats import Call

    selection = shlex.quote(context.params.get("tenants") or ALL)
    if shard := context.params.get("shard"):
        selection += f" --shard {shard}"
    verb = context.info_name or ""
    # Of the other verbs, a hint names all that it needs: their options are about the version that they were given.
    options = _retype_options(context, _NOT_AGAIN | {"dry_run", "servers", "resume_at"}) if verb == "migrate" else []
    servers = _retype_options(context, frozenset(_names(context)) - {"servers"})
    return Call(_program_here(context), _again(context), selection, verb, _join(options), _join(servers))


def repeat_call(repeated: Repeated, context: click.Context) -> "Call":
    """Return the call of an earlier command, as it would be typed now."""
    from tenantry.reports.formats import Call

    words = []
    for param in load_verb(repeated.verb).params:
        name = param.name or ""
        if isinstance(param, click.Option) and name in repeated.options and name not in _NOT_AGAIN:
            words += _retype(param, repeated.options[name])
    servers = [word for name in repeated.servers for word in ("--server", f"{name}=...")]
    again = [_program(), repeated.verb, *words, *servers, *_retype_config(context)]
    options = words if repeated.verb == "migrate" else []
    return Call(
        _program_here(context), " ".join(again), repeated.selection, repeated.verb, _join(options), _join(servers)
    )


def _join(words: list[str]) -> str:
    return "".join(f" {word}" for word in words)


def _again(context: click.Context) -> str:
    """Return the command as it was typed, without its tenants, format and secrets: what remains is for the rest."""
    words = [_program(), context.info_name or "", *_retype_options(context, _NOT_AGAIN)]
    for param in context.command.params:
        if isinstance(param, click.Argument) and is_given(context, param.name or ""):
            value = context.params[param.name or ""]
            words += [shlex.quote(str(one)) for one in (value if isinstance(value, tuple) else (value,))]
    return " ".join([*words, *_retype_config(context)])


def _retype_options(context: click.Context, without: frozenset[str]) -> list[str]:
    """Return the options as they were typed."""
    words = []
    for param in context.command.params:
        name = param.name or ""
        if isinstance(param, click.Option) and is_given(context, name) and name not in without:
            words += _retype(param, context.params[name])
    return words


def _names(context: click.Context) -> list[str]:
    return [param.name or "" for param in context.command.params]


def _program_here(context: click.Context) -> str:
    """Return how this command was called, with the file it was told to work on."""
    return " ".join([_program(), *_retype_config(context)])


def _retype_config(context: click.Context) -> list[str]:
    """Return --config and --env-file as they were typed, before or after the verb; nothing where they were not."""
    words = []
    for name, word in (("config", "--config"), ("env_file", "--env-file")):
        typed = next((at.params[name] for at in (context, context.parent) if at and is_given(at, name)), None)
        words += [] if typed is None else [word, shlex.quote(typed)]
    return words


def _retype(option: click.Option, value: Any) -> list[str]:
    """Return the words that give an option this value; of a connection string only the server's name."""
    word = option.opts[0]
    if option.is_flag:
        return [word]
    if option.name == "servers":
        return [part for server, _dsn in value for part in (word, f"{server}=...")]
    values = value if option.multiple else [value]
    return [part for one in values for part in (word, shlex.quote(str(one)))]


def _program() -> str:
    """Return how this command was called, so that a hint can be typed as it stands."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{Path(sys.executable).name} -m tenantry"
    found = shutil.which("tenantry")
    if found and Path(found).resolve() == called.resolve():
        return "tenantry"
    try:
        return str(called.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(called)
