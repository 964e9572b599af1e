"""Errors, and whatever else is for a person, on stderr; where that is lost, on stdout."""

import sys
from typing import TYPE_CHECKING, TextIO

import click

from tenantry.model.errors import RunError
from tenantry.reports.color import wants_color
from tenantry.reports.output import Stream, hang

if TYPE_CHECKING:
    from tenantry.reports.formats import Call

ERROR = click.style("error:", fg="red", bold=True)


def say(text: str) -> None:
    """Write lines to stderr."""
    _write(text, sys.stderr)


def complain(text: str, *, for_people: bool = True) -> None:
    """Write an error to stderr; where that is lost, to stdout, if people read there."""
    say(text)
    sys.stderr.flush()
    if for_people and isinstance(sys.stderr, Stream) and sys.stderr.lost:
        _write(text, sys.stdout)


def _write(text: str, stream: TextIO) -> None:
    # Not click.echo(): it replaces characters that an ASCII terminal lacks, where the stream escapes them.
    stream.write(f"{text if wants_color(stream) else click.unstyle(text)}\n")


def print_error(error: RunError, call: "Call", *, for_people: bool) -> None:
    """Write each problem of an error, with its hint as `call` would be typed."""
    from tenantry.reports.wording import render_hint

    for problem in error.problems:
        print_problem(problem.message, render_hint(problem.hint, call), for_people=for_people)


def print_problem(message: str, hint: str, *, for_people: bool = True) -> None:
    """Write one problem, and its hint if there is one."""
    complain(f"{ERROR} {hang(message)}", for_people=for_people)
    if hint:
        complain(f"{click.style('hint:', fg='cyan')} {hang(hint)}", for_people=for_people)
