"""The command line: the verbs as click reads them, the options of all of them, and the errors of arguments."""

import os
import sys
from typing import Any

import click

from tenantry.call.called import Called
from tenantry.call.complaints import complain, print_error, print_problem
from tenantry.call.garbage import keep_loaded, put_off
from tenantry.call.retyping import is_given, make_call
from tenantry.config.place import find_tenants_file, load_variables
from tenantry.model.errors import RunError
from tenantry.model.words import times
from tenantry.reports.escaping import escape
from tenantry.reports.output import guarded, settle
from tenantry.verbs.verb import GROUPS, MEANT, VERBS, Verb, load_verb
from tenantry.version import __version__

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
# A line of ours among the output of the other formats would break them.
_FOR_PEOPLE = frozenset({"table", "plan"})


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
        complain(error.format_message())
        return
    from tenantry.verbs.usage import describe

    context = error.ctx if isinstance(error, click.UsageError) else None
    if context:
        complain(f"{escape(context.get_usage())}\nTry '{escape(context.command_path)} --help' for help.\n")
    problem = describe(error)
    print_problem(escape(problem.message), escape(problem.hint))


def _suggest(word: str) -> str:
    """Return the verb that somebody meant who typed `word`."""
    import difflib

    if meant := MEANT.get(word.lower()):
        return f"use {meant}"
    if near := difflib.get_close_matches(word.lower(), [*VERBS, *MEANT], n=1):
        return f"did you mean {near[0]!r}?" if near[0] in VERBS else f"use {MEANT[near[0]]}"
    return f"expected one of {', '.join(VERBS)}"


class _Command(click.Command):
    """A verb. An option that is given twice is an error: click would take the last one, and ignore the others."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments. Raises UsageError."""
        # For completion, half a line has to be readable.
        if not ctx.resilient_parsing:
            # Words that nothing takes are kept for the error about them, which click joins to one.
            _, ctx.args, order = self.make_parser(ctx).parse_args(args=list(args))
            _refuse_repeated(ctx, [param for param in order if isinstance(param, click.Option)])
        return super().parse_args(ctx, args)


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
    if context.parent and is_given(context, "config") and is_given(context.parent, "config"):
        raise click.UsageError("--config is given before and after the verb, expected once", context)


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
        called: Called = context.obj
        _refuse_two_files(context)
        everywhere = {name: options.pop(name) or called.options[name] for name in called.options}
        if everywhere["quiet"] and everywhere["verbose"]:
            raise click.UsageError("--quiet together with --verbose, expected one of them", context)
        _load_variables(everywhere["env_file"], context)
        everywhere["config"] = everywhere["config"] or os.environ.get(_VARIABLES["config"]) or str(find_tenants_file())
        called.for_people = options.get("format", "table") in _FOR_PEOPLE
        called.given = frozenset(param for param in context.params if is_given(context, param))
        # Slow to load: not for --help, completion, or arguments that are wrong.
        from tenantry.call.running import run

        context.exit(run(verb, everywhere | options, context, called))

    formats = [format_option] if len(verb.formats) > 1 else []
    formats += [_REPORT] if verb.reports else []
    params = [*verb.params, *formats, *_make_everywhere(before=False)]
    return _Command(name, params=params, help=verb.help, short_help=VERBS[name], callback=call)


def _load_variables(path: str | None, context: click.Context) -> None:
    try:
        load_variables(path)
    except RunError as error:
        print_error(error, make_call(context), for_people=False)
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
def cli(ctx: click.Context, /, **options: Any) -> None:
    """Keep the options that stand before the verb."""
    ctx.ensure_object(Called).options = options


def main() -> None:
    """Run the command line and exit the process."""
    called = Called()
    put_off()
    with guarded() as (out, err):
        try:
            cli.main(prog_name="tenantry", obj=called)
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        code = settle(out, err, code, ends=called.ends, for_people=called.for_people)
    # Nor at the end: the memory goes with the process, and a last search would look through all of it.
    keep_loaded()
    sys.exit(code)
