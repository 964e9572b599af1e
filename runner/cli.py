"""The command line: parse arguments, start the verb, hand its events to the outputs, return the exit code."""

import gc
import os
import shlex
import shutil
import sys
import traceback
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
from click.core import ParameterSource

from tenantry.config.place import find_tenants_file, load_variables
from tenantry.model.errors import RunError
from tenantry.model.words import times
from tenantry.reports.clock import waited_ms
from tenantry.reports.color import wants_color
from tenantry.reports.escaping import escape
from tenantry.reports.output import LOST, Output, Stream, guarded, hang, settle
from tenantry.verbs.verb import GROUPS, MEANT, VERBS, Repeated, Request, Verb, load_verb
from tenantry.version import __version__

if TYPE_CHECKING:
    from tenantry.model.outcome import Outcome
    from tenantry.reports.files import WantedReport
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
only blocked or unreachable, 6 stopped early, 70 a bug, 74 all is well but
the report could not be written, 130 Ctrl-C.

Completion: eval "$(tenantry completion bash)", or zsh; tenantry completion fish | source.
"""


_REPORT = click.Option(
    ["--report", "reports"],
    multiple=True,
    metavar="FORMAT=FILE",
    help="Also write a report to a file: html, json, junit, markdown, prometheus, or a format of --format; - is "
    "stdout. May be repeated.",
)
# What the next command has of its own, or need not repeat.
_NOT_AGAIN = frozenset(
    {"tenants", "shard", "format", "reports", "verbose", "quiet", "log_format", "env_file", "reason", "config"}
    | {"resume", "yes"}
)
# The option that says which project a command is about; click itself refuses a file without a name.
_ABOUT = frozenset({"config"})
_ERROR = click.style("error:", fg="red", bold=True)
# A line of ours among the output of the other formats would break them.
_FOR_PEOPLE = frozenset({"table", "plan"})


@dataclass(slots=True)
class _Called:
    """The options in front of the verb, and what is to be said of the run where its report is lost.

    `for_people`: stdout may take a line on what stderr has lost. `given` are the parameters that were typed.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    ends: str = ""
    for_people: bool = True
    given: frozenset[str] = frozenset()


class _Verbs(click.Group):
    """The verbs, each imported only when it is asked for."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line and exit the process; errors of its arguments look like all others."""
        try:
            # click would exit itself, and begin its errors with a word of its own: "Error:", in one colour.
            sys.exit(super().main(*args, **extra | {"standalone_mode": False}))
        except click.ClickException as error:
            _show_usage(error)
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
        """Write the list of verbs from `GROUPS` alone: no verb is imported for it."""
        widest = max(map(len, VERBS))
        for title, verbs in GROUPS.items():
            with formatter.section(title):
                # The lists of all groups are one table to the reader.
                formatter.write_dl([(name.ljust(widest), text) for name, text in verbs.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest verb where the one given is unknown."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(f"{args[0]!r} is not a verb: {_suggest(args[0])}", ctx) from error


def _show_usage(error: click.ClickException) -> None:
    """Write an error of the arguments, after how the verb is used; the help alone where nothing was typed."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        _complain(error.format_message())
        return
    from tenantry.verbs.usage import describe

    context = error.ctx if isinstance(error, click.UsageError) else None
    if context:
        _complain(f"{escape(context.get_usage())}\nTry '{escape(context.command_path)} --help' for help.\n")
    problem = describe(error)
    _print_problem(escape(problem.message), escape(problem.hint))


def _suggest(word: str) -> str:
    """Return the verb that somebody meant who typed `word`."""
    import difflib

    if meant := MEANT.get(word.lower()):
        return f"use {meant}"
    known = [*VERBS, *MEANT]
    # Swapped letters are the usual slip, and difflib rates them lower than another word with as many letters in order.
    swapped = [name for name in known if sorted(name) == sorted(word.lower())]
    if near := swapped or difflib.get_close_matches(word.lower(), known, n=1):
        return f"did you mean {near[0]!r}?" if near[0] in VERBS else f"use {MEANT[near[0]]}"
    return f"expected one of {', '.join(VERBS)}"


class _Command(click.Command):
    """A verb. An option that is given twice is an error: click would take the last one, and ignore the others."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments. Raises UsageError."""
        # For completion, half a line has to be readable.
        if not ctx.resilient_parsing:
            # Words that nothing takes are kept for the error about them, which click joins to one.
            given, ctx.args, order = self.make_parser(ctx).parse_args(args=list(args))
            _refuse_empty(ctx, given)
            _refuse_repeated(ctx, [param for param in order if isinstance(param, click.Option)])
        return super().parse_args(ctx, args)


def _refuse_empty(context: click.Context, given: Mapping[str, Any]) -> None:
    """Raise UsageError for an empty argument, as an unset variable of a script leaves it.

    It would pass for one that was left out, and the command would be about another file, folder or run.
    """
    for param in context.command.params:
        if given.get(param.name or "") == "" and (isinstance(param, click.Argument) or param.name in _ABOUT):
            name = param.opts[0] if isinstance(param, click.Option) else param.make_metavar(context).strip("[]")
            rest = "" if param.required else f", or no {name} at all"
            raise click.UsageError(f"{name}: empty, expected a value{rest}", context)


def _refuse_repeated(context: click.Context, given: list[click.Option]) -> None:
    seen: dict[str, click.Option] = {}
    for option in given:
        before = seen.setdefault(option.name or "", option)
        # `seen` has the option itself when it comes for the first time: told apart by how often it was given.
        if before is not option:
            message = f"{option.opts[0]} is given with {before.opts[0]}, expected one of them"
        elif given.count(option) > 1 and not (option.multiple or option.is_flag):
            message = f"{option.opts[0]} is given {times(given.count(option))}, expected once"
        else:
            continue
        raise click.UsageError(message, context)


def _refuse_two_files(context: click.Context) -> None:
    if context.parent and _is_given(context, "config") and _is_given(context.parent, "config"):
        raise click.UsageError("--config is given before and after the verb, expected once", context)


def _refuse_empty_before(context: click.Context, called: "_Called") -> None:
    if context.parent:
        typed = {name: value for name, value in called.options.items() if _is_given(context.parent, name)}
        _refuse_empty(context.parent, typed)


def _is_given(context: click.Context, name: str) -> bool:
    """Return whether an option or argument stands on the command line."""
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def _make_command(name: str, verb: Verb) -> click.Command:
    format_option = click.Option(
        ["--format"],
        type=click.Choice(verb.formats),
        default=verb.formats[0],
        show_default=True,
        help="Output format on stdout.",
    )

    def call(**options: Any) -> None:
        context = click.get_current_context()
        called: _Called = context.obj
        _refuse_two_files(context)
        _refuse_empty_before(context, called)
        everywhere = {name: options.pop(name) or called.options[name] for name in called.options}
        if everywhere["quiet"] and everywhere["verbose"]:
            raise click.UsageError("--quiet together with --verbose, expected one of them", context)
        _load_variables(everywhere["env_file"], context)
        everywhere["config"] = everywhere["config"] or os.environ.get(_VARIABLES["config"]) or str(find_tenants_file())
        called.for_people = options.get("format", "table") in _FOR_PEOPLE
        called.given = frozenset(
            name
            for one in (context, context.parent)
            if one
            for name in (*one.params, *called.options)
            if _is_given(one, name)
        )
        context.exit(_run(verb, everywhere | options, context, called))

    formats = [format_option] if len(verb.formats) > 1 else []
    formats += [_REPORT] if verb.reports else []
    params = [*verb.params, *formats, *_make_everywhere(before=False)]
    return _Command(name, params=params, help=verb.help, short_help=VERBS[name], callback=call)


def _load_variables(path: str | None, context: click.Context) -> None:
    try:
        load_variables(path)
    except RunError as error:
        _print_error(error, _make_call(context), for_people=False)
        context.exit(error.exit_code)


def _make_everywhere(*, before: bool) -> list[click.Option]:
    """Return the options that may stand before and after the verb."""
    # Once is enough: those after the verb would override the ones before it.
    variables = _VARIABLES if before else {}
    return [
        click.Option(
            ["--config"],
            metavar="FILE",
            envvar=variables.get("config"),
            help="File that lists servers and tenants; by default tenants.yaml, here or in the nearest folder above.",
        ),
        click.Option(
            ["--env-file"],
            type=click.Path(exists=True, dir_okay=False),
            metavar="FILE",
            envvar=variables.get("env_file"),
            help="Read environment variables from FILE, such as .env; those that are set already win.",
        ),
        click.Option(
            ["--log-format"],
            type=click.Choice(["text", "json"]),
            envvar=variables.get("log_format"),
            help="Form of the messages on stderr; text by default.",
        ),
        click.Option(["-q", "--quiet"], is_flag=True, help="Write only errors to stderr."),
        click.Option(["-v", "--verbose"], is_flag=True, help="Log every step to stderr."),
    ]


_VARIABLES = {"config": "TENANTRY_CONFIG", "env_file": "TENANTRY_ENV_FILE", "log_format": "TENANTRY_LOG"}


@click.group(
    cls=_Verbs,
    help=_HELP,
    subcommand_metavar="VERB [ARGS]...",
    params=_make_everywhere(before=True),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, "-V", "--version", prog_name="tenantry")
@click.pass_context
def _cli(ctx: click.Context, /, **options: Any) -> None:
    ctx.ensure_object(_Called).options = options


def _run(verb: Verb, options: Mapping[str, Any], context: click.Context, called: _Called) -> int:
    """Run a verb to its end and return the exit code."""
    # Loaded only for a run: psycopg, rich and structlog would make --help and completion slow.
    from tenantry.fleet.signals import Interrupted, handling_signals
    from tenantry.fleet.stop import Stop
    from tenantry.ledger.provenance import name_actor
    from tenantry.model.errors import Cancelled
    from tenantry.model.events import LinePrinted, RunFinished
    from tenantry.model.masking import mask
    from tenantry.model.outcome import Outcome, exit_code
    from tenantry.reports.files import open_reports, parse_wanted
    from tenantry.reports.formats import make_sinks
    from tenantry.reports.log import Talk, make_pace_logger

    stop = Stop()
    talk = Talk(options["verbose"], options["quiet"], json=options["log_format"] == "json")
    call, name = _make_call(context), context.info_name or ""
    user, tell = name_actor(os.environ), make_pace_logger(Output(sys.stderr), talk)
    request = Request(name, str(uuid.uuid4()), user, options, dict(os.environ), stop, called.given, tell)
    outcome = Outcome()
    with handling_signals(stop, _say) as signals:
        try:
            repeated = verb.repeats(request) if verb.repeats else None
            if repeated:
                call = _repeat_call(repeated, context)
            wanted = parse_wanted(options.get("reports", ()), verb.formats)
            silent = _takes_stdout(wanted, called)
            sinks = make_sinks(options.get("format", "table"), call, talk, silent=silent)
            # Closed also where an output fails: then no tenant may be begun any more.
            with open_reports(wanted, call) as reports, closing(verb.start(request)) as events:
                _keep_loaded()
                for event in events:
                    signals.begun = True
                    outcome.add(event)
                    shown = event
                    if isinstance(event, RunFinished) and repeated is None:
                        # All that was waited for, the start of the program and of a server included. Reports say what
                        # the journal says: they may be written again.
                        shown = replace(event, elapsed_ms=waited_ms())
                    # Lines that are the output itself, such as SQL, are kept as they are.
                    called.for_people &= not isinstance(event, LinePrinted)
                    for sink in sinks:
                        sink(shown)
                    for sink in reports.sinks:
                        sink(mask(event))
                lost = reports.finish()
        except RunError as error:
            _print_error(error, call, for_people=called.for_people)
            # As where the first Ctrl-C ends a run in order.
            return 130 if isinstance(error, Cancelled) and stop.reason == "SIGINT" else error.exit_code
        except Interrupted as end:
            _say(f"{end.name}: ended before the run began: no tenant was changed")
            return exit_code((), end.name)
        except Exception:  # noqa: BLE001
            # The border of the program: a bug outside of any tenant's turn must not look like a finding, exit code 1.
            trace = f"a bug in tenantry, please report this:\n{hang(traceback.format_exc())}"
            _complain(trace, for_people=called.for_people)
            return 70
    called.ends = _sum_up(outcome)
    for reason in lost:
        _complain(f"{_ERROR} {hang(reason)}", for_people=called.for_people)
    return LOST if lost and not outcome.exit_code else outcome.exit_code


def _keep_loaded() -> None:
    """Have the garbage collector begin here, and leave alone what is loaded: it stays until the end."""
    gc.freeze()
    gc.enable()


def _takes_stdout(wanted: "Sequence[WantedReport]", called: _Called) -> bool:
    """Return whether a report takes the place of the format on stdout. Raises ConfigError if both were asked for."""
    from tenantry.model.errors import ConfigError, Problem

    first = next((one for one in wanted if one.on_stdout), None)
    if first and "format" in called.given:
        message = f"--report {first.format}=-: together with --format, expected one of them on stdout"
        raise ConfigError((Problem(message, "give the report a file"),))
    called.for_people &= first is None
    return first is not None


def _sum_up(outcome: "Outcome") -> str:
    """Return how many tenants ended in which way; empty where none was selected."""
    from tenantry.model.words import count

    totals = ", ".join(f"{number} {name}" for name, number in outcome.standings.items())
    return totals and f"{count(len(outcome.tenants), 'tenant')}: {totals}"


def _say(text: str) -> None:
    """Write lines to stderr."""
    _write(text, sys.stderr)


def _complain(text: str, *, for_people: bool = True) -> None:
    """Write an error to stderr; where that is lost, to stdout, if people read there."""
    _say(text)
    sys.stderr.flush()
    if for_people and isinstance(sys.stderr, Stream) and sys.stderr.lost:
        _write(text, sys.stdout)


def _write(text: str, stream: TextIO) -> None:
    # Not click.echo(): it replaces characters that an ASCII terminal lacks, where the stream escapes them.
    stream.write(f"{text if wants_color(stream) else click.unstyle(text)}\n")


def _print_error(error: RunError, call: "Call", *, for_people: bool) -> None:
    from tenantry.reports.wording import render_hint

    for problem in error.problems:
        _print_problem(problem.message, render_hint(problem.hint, call), for_people=for_people)


def _print_problem(message: str, hint: str, *, for_people: bool = True) -> None:
    _complain(f"{_ERROR} {hang(message)}", for_people=for_people)
    if hint:
        _complain(f"{click.style('hint:', fg='cyan')} {hang(hint)}", for_people=for_people)


def _make_call(context: click.Context) -> "Call":
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


def _repeat_call(repeated: Repeated, context: click.Context) -> "Call":
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
        if isinstance(param, click.Argument) and _is_given(context, param.name or ""):
            value = context.params[param.name or ""]
            words += [shlex.quote(str(one)) for one in (value if isinstance(value, tuple) else (value,))]
    return " ".join([*words, *_retype_config(context)])


def _retype_options(context: click.Context, without: frozenset[str]) -> list[str]:
    """Return the options as they were typed."""
    words = []
    for param in context.command.params:
        name = param.name or ""
        if isinstance(param, click.Option) and _is_given(context, name) and name not in without:
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
        typed = next((at.params[name] for at in (context, context.parent) if at and _is_given(at, name)), None)
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


def main() -> None:
    """Run the command line and exit the process."""
    called = _Called()
    # Loading makes no garbage: a search for it, again and again, would be a fifth of the time until the run begins.
    gc.disable()
    with guarded() as (out, err):
        try:
            _cli.main(prog_name="tenantry", obj=called)
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        code = settle(out, err, code, ends=called.ends, for_people=called.for_people)
    # Nor at the end: the memory goes with the process, and a last search would look through all of it.
    _keep_loaded()
    sys.exit(code)
