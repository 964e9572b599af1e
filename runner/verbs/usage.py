"""Errors of the command line in words: click's own, in the form that all errors of tenantry have."""

import re
import shlex

import click
from click.core import ParameterSource

from tenantry.model.errors import Problem
from tenantry.model.words import nearest

# Nearer than click's own guesses, which find "--verbose" near "--bogus".
_NEAR = 0.7
_EXTRA = "Got unexpected extra argument"
# The characters of ids, patterns, labels, shares and exceptions.
_SELECTION = re.compile(r"[\w@!][\w@!*?=%.,/:-]*")


def describe(error: click.ClickException) -> Problem:
    """Return what is wrong with the words that were typed, and what was expected."""
    match error:
        case click.NoSuchOption():
            return _describe_unknown(error)
        case click.MissingParameter():
            return Problem(_describe_missing(error))
        case click.BadParameter():
            return _describe_bad(error)
        case click.BadOptionUsage() if error.message.endswith(" an argument."):
            return Problem(f"{error.option_name}: no value, expected one")
        case click.BadOptionUsage() if error.message.endswith(" does not take a value."):
            return Problem(f"{error.option_name}: with a value, expected it without")
        case click.UsageError() if error.message.startswith(_EXTRA):
            return _describe_extra(error)
    return Problem(error.format_message())


def _describe_unknown(error: click.NoSuchOption) -> Problem:
    import difflib

    context = error.ctx
    known = [word for param in context.command.get_params(context) for word in param.opts] if context else []
    near = difflib.get_close_matches(error.option_name, known, n=1, cutoff=_NEAR)
    where = context.command_path if context else "tenantry"
    return Problem(f"{error.option_name}: not an option of {where}", f"did you mean {near[0]!r}?" if near else "")


def _describe_missing(error: click.MissingParameter) -> str:
    param, context = error.param, error.ctx
    if param is None or context is None:
        return error.format_message()
    name = _name(param)
    if isinstance(param, click.Option):
        return f"{name}: missing, expected {name} {param.make_metavar(context)}"
    kind = param.type
    several = f"one of {', '.join(map(str, kind.choices))}" if isinstance(kind, click.Choice) else "one"
    return f"{context.info_name}: no {name}, expected {several}"


def _describe_bad(error: click.BadParameter) -> Problem:
    param = error.param
    if param is None:
        return Problem(error.format_message())
    value, kind = error.message.rpartition(" is not ")[0], param.type
    hint = ""
    if isinstance(kind, click.Choice):
        said = f"{value}, expected one of {', '.join(map(str, kind.choices))}"
        hint = nearest(value.strip("'"), map(str, kind.choices))
    elif isinstance(kind, click.IntRange | click.FloatRange):
        said = f"{value}, expected {_describe_range(kind)}"
    elif kind in (click.INT, click.FLOAT):
        said = f"{value}, expected {'a whole number' if kind is click.INT else 'a number'}"
    else:
        # Our own, or one about a file.
        said = error.message.rstrip(".")
        said = said[0].lower() + said[1:] if isinstance(kind, click.Path | click.File) else said
    return Problem(f"{_name(param)}: {said}", hint)


def _describe_range(kind: click.IntRange | click.FloatRange) -> str:
    what = "a whole number" if isinstance(kind, click.IntRange) else "a number"
    lowest, highest = kind.min, kind.max
    over = f"more than {lowest}" if kind.min_open else f"{lowest} or more"
    under = f"less than {highest}" if kind.max_open else f"{highest} or less"
    if lowest is not None and highest is not None:
        closed = not (kind.min_open or kind.max_open)
        return f"{what} from {lowest} to {highest}" if closed else f"{what}, {over} and {under}"
    return f"{what}, {under if lowest is None else over}"


def _describe_extra(error: click.UsageError) -> Problem:
    context = error.ctx
    if context is None:
        return Problem(error.format_message())
    taken = [_name(param) for param in context.command.params if isinstance(param, click.Argument)]
    expected = f"nothing after {' '.join(taken)}" if taken else "options only"
    chosen = shlex.quote(",".join(context.args))
    hint = f'to choose tenants, write "--tenants {chosen}"' if _may_choose(context) else ""
    return Problem(f"{shlex.join(context.args)}: unexpected, expected {expected}", hint)


def _may_choose(context: click.Context) -> bool:
    """Return whether the words that are left over may be the tenants, which were not chosen otherwise."""
    takes = any(param.name == "tenants" for param in context.command.params)
    given = context.get_parameter_source("tenants") is ParameterSource.COMMANDLINE
    return takes and not given and all(map(_SELECTION.fullmatch, context.args))


def _name(param: click.Parameter) -> str:
    """Return how a person calls an option or an argument."""
    return param.opts[0] if isinstance(param, click.Option) else (param.name or "").upper()
