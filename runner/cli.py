"""The command line: parse arguments, start the verb, hand its events to the outputs, return the exit code."""

import io
import os
import shlex
import shutil
import signal
import sys
import traceback
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tenantry.model.errors import RunError
from tenantry.verbs.verb import VERBS, Request, Verb, load_verb
from tenantry.version import __version__

if TYPE_CHECKING:
    from types import FrameType

    from tenantry.fleet.stop import Stop
    from tenantry.reports.formats import Call

_HELP = """tenantry brings every tenant database to the same, proven schema.

It applies pending SQL files, in order, to every tenant database listed in tenants.yaml. If a file fails, that tenant
stops and the others continue.

\b
  tenantry migrate --tenants 1,16
  tenantry status

\b
Exit codes: 0 all selected tenants are in the wanted state, 1 a finding,
2 invalid input, 3 a tenant failed, 4 a tenant was refused, 5 tenants were
only blocked or unreachable, 6 stopped early, 70 a bug, 130 Ctrl-C.

Completion: eval "$(_TENANTRY_COMPLETE=bash_source tenantry)", or zsh_source, fish_source.
"""


# What the next command has of its own, or need not repeat.
_NOT_AGAIN = frozenset({"tenants", "format", "verbose", "reason", "config"})
_ERROR = click.style("error:", fg="red", bold=True)


class _Verbs(click.Group):
    """The verbs, each imported only when it is asked for."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line and exit the process; errors of its arguments look like all others."""
        try:
            # click would exit itself, and begin its errors with a word of its own: "Error:", in one colour.
            sys.exit(super().main(*args, **extra | {"standalone_mode": False}))
        except click.ClickException as error:
            shown = io.StringIO()
            error.show(shown)
            from tenantry.reports.escaping import escape

            click.echo(escape(shown.getvalue()).replace("Error: ", f"{_ERROR} ", 1), nl=False, err=True)
            sys.exit(error.exit_code)
        except click.Abort:
            # Ctrl-C before the run has begun: it ends as one during the run does.
            sys.exit(130)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which help shows them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a verb, None where there is none."""
        return _make_command(cmd_name, load_verb(cmd_name)) if cmd_name in VERBS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs from `VERBS` alone: no verb is imported for it."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest verb where the one given is unknown."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], VERBS, n=1)
            expected = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(VERBS)}"
            raise click.UsageError(f"{args[0]!r} is not a verb: {expected}", ctx) from error


def _make_command(name: str, verb: Verb) -> click.Command:
    format_option = click.Option(
        ["--format"],
        type=click.Choice(verb.formats),
        default=verb.formats[0],
        show_default=True,
        help="Output format on stdout.",
    )

    def call(config: str | None, verbose: bool, **options: Any) -> None:
        context = click.get_current_context()
        everywhere = {"config": config or context.obj["config"], "verbose": verbose or context.obj["verbose"]}
        context.exit(_run(name, verb, everywhere | options, _make_call(context)))

    formats = [format_option] if len(verb.formats) > 1 else []
    params = [*verb.params, *formats, *_make_everywhere(default=None)]
    return click.Command(name, params=params, help=verb.help, short_help=VERBS[name], callback=call)


def _make_everywhere(default: str | None) -> list[click.Option]:
    """Return the options that may stand before and behind the verb."""
    file_option = click.Option(
        ["--config"],
        metavar="FILE",
        default=default,
        envvar="TENANTRY_CONFIG" if default else None,
        help="File that lists servers and tenants; tenants.yaml by default.",
    )
    return [file_option, click.Option(["-v", "--verbose"], is_flag=True, help="Log every step to stderr.")]


@click.group(
    cls=_Verbs, help=_HELP, subcommand_metavar="VERB [ARGS]...", params=_make_everywhere(default="tenants.yaml")
)
@click.version_option(__version__, prog_name="tenantry")
@click.pass_context
def _cli(ctx: click.Context, config: str, verbose: bool) -> None:
    ctx.obj = {"config": config, "verbose": verbose}


def _run(name: str, verb: Verb, options: Mapping[str, Any], call: "Call") -> int:
    """Run a verb to its end and return the exit code."""
    # Loaded only for a run: psycopg, rich and structlog would make --help and completion slow.
    from tenantry.fleet.stop import Stop
    from tenantry.ledger.provenance import os_user
    from tenantry.model.errors import Cancelled
    from tenantry.model.outcome import Outcome
    from tenantry.reports.formats import make_sinks

    stop = Stop()
    request = Request(name, str(uuid.uuid4()), os_user(), options, dict(os.environ), stop)
    outcome = Outcome()
    sinks = make_sinks(options.get("format", "table"), call, verbose=options["verbose"])
    with _signals(stop):
        try:
            # Closed also where an output fails: then no tenant may be begun any more.
            with closing(verb.start(request)) as events:
                for event in events:
                    outcome.add(event)
                    for sink in sinks:
                        sink(event)
        except RunError as error:
            _print_error(error)
            # As where the first Ctrl-C ends a run in order.
            return 130 if isinstance(error, Cancelled) and stop.reason == "SIGINT" else error.exit_code
        except BrokenPipeError:
            # Whoever read our output has gone: what was done is in the ledger, what was not can be done again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 6
        except Exception:  # noqa: BLE001
            # The border of the program: a bug outside of any tenant's turn must not look like a finding, exit code 1.
            from tenantry.reports.output import hang

            click.echo(f"a bug in tenantry, please report this:\n{hang(traceback.format_exc())}", err=True)
            return 70
    return outcome.exit_code


@contextmanager
def _signals(stop: "Stop") -> Iterator[None]:
    """End the run in order on the first signal; cancel what is running on the second."""

    def handle(number: int, frame: "FrameType | None") -> None:
        name = signal.Signals(number).name
        if stop.reason:
            click.echo("cancelling the running statements", err=True)
            stop.cancel()
            return
        stop.request(name)
        click.echo(f"{name}: finishing the running files; send it again to cancel them", err=True)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_error(error: RunError) -> None:
    from tenantry.reports.output import hang
    from tenantry.reports.wording import render_hint

    for problem in error.problems:
        click.echo(f"{_ERROR} {hang(problem.message)}", err=True)
        if problem.hint:
            click.echo(f"{click.style('hint:', fg='cyan')} {hang(render_hint(problem.hint, _program()))}", err=True)


def _make_call(context: click.Context) -> "Call":
    """Return how the verb was called, for the commands that its report advises."""
    from tenantry.model.tenants import ALL
    from tenantry.reports.formats import Call

    return Call(_program_here(context), _again(context), shlex.quote(context.params.get("tenants") or ALL))


def _again(context: click.Context) -> str:
    """Return the command as it was typed, without its tenants, format and secrets: what remains is for the rest."""
    words = [_program(), context.info_name or ""]
    for param in context.command.params:
        name = param.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if isinstance(param, click.Option) and given and name not in _NOT_AGAIN:
            words += _retype(param, context.params[name])
    return " ".join([*words, *_retype_config(context)])


def _program_here(context: click.Context) -> str:
    """Return how this command was called, with the file it was told to work on."""
    return " ".join([_program(), *_retype_config(context)])


def _retype_config(context: click.Context) -> list[str]:
    """Return --config as it was typed, before or behind the verb; nothing where it was not."""
    for at in (context, context.parent):
        if at and at.get_parameter_source("config") is ParameterSource.COMMANDLINE:
            return ["--config", shlex.quote(at.params["config"])]
    return []


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


def main() -> None:
    """Run the command line and exit the process."""
    _cli.main(prog_name="tenantry")
