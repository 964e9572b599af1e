"""The terms of a selection, such as `1-20`, `@tier=internal` or `!16`: their grammar. Pure.

A term is parsed here and nowhere else; which tenants it names is decided in `matching`.
"""

import re
from dataclasses import dataclass

from tenantry.config.model import Mistake
from tenantry.model.tenants import ALL, STATES

# The label that is no label: the server that a tenant is on.
SERVER = "server"
_WILD = re.compile(r"[*?\[]")
# As many digits as fit a bigint: Python turns no text of thousands of digits into a number.
_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
_SHARE = re.compile(r"([0-9]{1,18}(?:\.[0-9]+)?)%")
_SAMPLE = re.compile(r"([0-9]{1,18}(?:\.[0-9]+)?%?)\s+of\s+(\S.*)")
# A label's key has neither, unless somebody wants to be misunderstood: `@./NAME` is always a file.
_FILE = re.compile(r"[~/].*|\.{1,2}/.*|[^=]*/[^=]*|[^=]*\.\w+")
_LABEL = re.compile(r"(?P<key>[^=!]+)(?:(?P<sign>!?=)(?P<value>.*))?")


@dataclass(frozen=True, slots=True)
class Everything:
    """The master and every tenant."""


@dataclass(frozen=True, slots=True)
class Id:
    """One tenant by its id, or the master."""

    name: str


@dataclass(frozen=True, slots=True)
class IdRange:
    """The tenants whose ids are numbers from `first` to `last`."""

    first: int
    last: int
    text: str


@dataclass(frozen=True, slots=True)
class Glob:
    """The tenants whose ids match a pattern as in a shell."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Label:
    """The tenants with a label, with one of its values if `value` is given, or without it where `negated`.

    `value` is a pattern as in a shell. The key `server` is that of the tenant's server.
    """

    key: str
    value: str | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """Some of the tenants of another atom, always the same: a percentage of them, or a number."""

    of: "Atom"
    number: float
    percent: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """The tenants whose ids are in a file, one a line."""

    path: str


@dataclass(frozen=True, slots=True)
class InState:
    """The tenants that the last run left in a state."""

    state: str


Atom = Everything | Id | IdRange | Glob | Label | Sample | Listed | InState


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a selection as it was written, without blanks; `excluded`: its tenants are left out."""

    text: str
    atom: Atom
    excluded: bool = False


def parse_term(text: str) -> Term | Mistake:
    """Parse one term; a text that has no other form is an id. `text` is not empty."""
    excluded = text.startswith("!")
    atom = parse_atom(text[1:].strip() if excluded else text)
    return atom if isinstance(atom, Mistake) else Term(text, atom, excluded)


def parse_atom(text: str) -> Atom | Mistake:
    """Parse one atom."""
    if not text or text.startswith("!"):
        return Mistake("expected one exclamation mark and then the tenants to leave out, such as !16")
    if text == ALL:
        return Everything()
    if text in STATES:
        return InState(text)
    if text.startswith("@"):
        return _parse_at(text[1:])
    if found := _RANGE.fullmatch(text):
        return IdRange(int(found[1]), int(found[2]), text)
    if found := _SHARE.fullmatch(text):
        return _make_sample(found[0], Everything())
    if found := _SAMPLE.fullmatch(text):
        of = parse_atom(found[2])
        return of if isinstance(of, Mistake) else _make_sample(found[1], of)
    return Glob(text) if _WILD.search(text) else Id(text)


def _make_sample(share: str, of: Atom) -> Atom | Mistake:
    percent = share.endswith("%")
    number = float(share.rstrip("%"))
    if percent and not 0 < number <= 100:
        return Mistake("expected a percentage above 0 and up to 100")
    if not percent and (number < 1 or "." in share):
        return Mistake("expected a whole number of tenants, 1 or more")
    return Sample(of, number, percent)


def _parse_at(text: str) -> Atom | Mistake:
    if _FILE.fullmatch(text):
        return Listed(text)
    found = _LABEL.fullmatch(text)
    if not found or found["value"] == "" or (found["key"] == SERVER and found["value"] is None):
        return Mistake("expected @LABEL, @LABEL=VALUE, @LABEL!=VALUE, @server=NAME or @FILE")
    return Label(found["key"], found["value"], found["sign"] == "!=")
