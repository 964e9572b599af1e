"""Which tenants a term of a selection names. A term that names nobody is a problem, with the nearest word."""

import math
import shlex
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from tenantry.fleet.shards import rank
from tenantry.fleet.terms import SERVER, Atom, Everything, Glob, Id, IdRange, InState, Label, Listed, Sample, Term
from tenantry.model import Tenant
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.tenants import ALL, MASTER, STATES
from tenantry.model.words import nearest, one_of

OPTION = "--tenants"
# Arbitrary: a file for another fleet would otherwise fill the screen.
_MOST_UNKNOWN = 5


@dataclass(frozen=True, slots=True)
class Sources:
    """Where terms look that tenants.yaml alone does not answer: `find_state` for states, `base` for files.

    `find_state` returns the ids of the tenants in a state, None where no run is recorded that would say so.
    """

    base: Path = field(default_factory=Path)
    find_state: Callable[[str], Collection[str] | None] = lambda _state: None


class Matcher:
    """The fleet that terms are matched against, and the problems found so far; `at` is the subject of messages."""

    def __init__(self, tenants: Sequence[Tenant], master: Tenant | None, sources: Sources, at: str) -> None:
        self.problems: list[Problem] = []
        self._tenants = tenants
        self._sources = sources
        self._at = at
        self._ids = frozenset(tenant.name for tenant in tenants)
        self._master = frozenset({MASTER} if master else ())

    def match(self, term: Term) -> frozenset[str]:
        """Return the names of the tenants that a term selects; if there are none, note the reason."""
        before = len(self.problems)
        found = self._match(term.atom)
        # To leave out who failed is no mistake where nobody did.
        idle = term.excluded and isinstance(term.atom, InState)
        if not found and not idle and len(self.problems) == before:
            self._refuse(f"{term.text!r} selects no tenant")
        return found

    def _match(self, atom: Atom) -> frozenset[str]:
        match atom:
            case Everything():
                return self._ids | self._master
            case Id(name):
                return self._match_id(name)
            case IdRange():
                return self._match_range(atom)
            case Glob(pattern):
                return self._match_glob(pattern)
            case Label():
                return self._match_label(atom)
            case Sample():
                return self._match_sample(atom)
            case Listed(path):
                return self._match_file(path)
            case InState(state):
                return self._match_state(state)

    def _refuse(self, what: str, hint: str = "") -> frozenset[str]:
        self.problems.append(Problem(f"{self._at}: {what}", hint))
        return frozenset()

    @property
    def _selectable(self) -> list[str]:
        return [*(tenant.name for tenant in self._tenants), *self._master]

    def _match_id(self, name: str) -> frozenset[str]:
        if name in self._ids or name in self._master:
            return frozenset({name})
        if name == MASTER:
            return self._refuse(f"tenants.yaml has no master, expected {one_of(self._selectable)}")
        hint = self._hint_commas(name) or nearest(name, [*self._selectable, ALL, *STATES])
        return self._refuse(f"unknown tenant {name!r}, expected {one_of(self._selectable)}", hint)

    def _hint_commas(self, name: str) -> str:
        words = name.split()
        known = (self._ids | self._master).issuperset(words)
        return f"separate them with commas: {retype(self._at, ','.join(words))}" if known else ""

    def _match_range(self, given: IdRange) -> frozenset[str]:
        # Such as 2026-01: what is an id is no range.
        if given.text in self._ids:
            return frozenset({given.text})
        if given.first > given.last:
            what = f"range {given.text!r} runs backwards, expected the lower number first"
            return self._refuse(what, f"write {given.last}-{given.first}")
        numbers = {int(name): name for name in self._ids if name.isdecimal()}
        found = frozenset(name for number, name in numbers.items() if given.first <= number <= given.last)
        if found:
            return found
        if not numbers:
            return self._refuse(f"range {given.text!r}: no id is a number, expected {one_of(self._selectable)}")
        return self._refuse(
            f"no tenant has an id from {given.first} to {given.last},"
            f" expected numbers from {min(numbers)} to {max(numbers)}"
        )

    def _match_glob(self, pattern: str) -> frozenset[str]:
        found = frozenset(name for name in self._ids if fnmatchcase(name, pattern))
        if found:
            return found
        what = f"no tenant matches {pattern!r}, expected a pattern for {one_of(self._selectable)}"
        return self._refuse(what, nearest(pattern, self._selectable))

    def _match_label(self, given: Label) -> frozenset[str]:
        if given.key == SERVER:
            pairs = [(tenant.name, tenant.server.name) for tenant in self._tenants]
        else:
            pairs = [
                (tenant.name, value) for tenant in self._tenants for key, value in tenant.labels if key == given.key
            ]
        if not pairs:
            return self._refuse_label(given.key)
        pattern = given.value
        found = {name for name, value in pairs if pattern is None or fnmatchcase(value, pattern)}
        if not found:
            values = list(dict.fromkeys(value for _, value in pairs))
            what = f"no tenant has {given.key}={pattern}, expected {one_of(values)}"
            return self._refuse(what, nearest(pattern or "", values))
        # As in other tools: who lacks the label has another value.
        return self._ids - found if given.negated else frozenset(found)

    def _refuse_label(self, key: str) -> frozenset[str]:
        keys = list(dict.fromkeys(key for tenant in self._tenants for key, _ in tenant.labels))
        expected = f"expected {one_of(keys)}" if keys else "and no tenant has labels"
        hint = f"write @./{key} for the file" if (self._sources.base / key).is_file() else nearest(key, [*keys, SERVER])
        return self._refuse(f"unknown label {key!r}, {expected}", hint)

    def _match_state(self, state: str) -> frozenset[str]:
        found = self._sources.find_state(state)
        if found is None:
            what = f"{state!r}: no run is recorded here, expected the journal of an earlier one"
            return self._refuse(what, "select tenants by id, label or server")
        # A tenant may have left tenants.yaml since that run.
        return frozenset(found) & (self._ids | self._master)

    def _match_sample(self, sample: Sample) -> frozenset[str]:
        among = self._match(sample.of) - self._master
        size = math.ceil(len(among) * sample.number / 100) if sample.percent else int(sample.number)
        return frozenset(sorted(among, key=rank)[:size])

    def _match_file(self, path: str) -> frozenset[str]:
        try:
            lines = (self._sources.base / Path(path).expanduser()).read_text("utf-8-sig").splitlines()
        except OSError as error:
            return self._refuse(f"@{path}: unreadable ({error.strerror}), expected a file of ids, one per line")
        except UnicodeDecodeError:
            return self._refuse(f"@{path}: not UTF-8, expected a file of ids, one per line")
        ids = [(number, line.split("#")[0].strip()) for number, line in enumerate(lines, start=1)]
        found = [(number, name) for number, name in ids if name]
        if not found:
            return self._refuse(f"@{path}: no ids, expected one per line")
        unknown = [(number, name) for number, name in found if name not in self._ids | self._master]
        self._refuse_lines(path, unknown)
        return frozenset(name for _, name in found) if not unknown else frozenset()

    def _refuse_lines(self, path: str, unknown: Sequence[tuple[int, str]]) -> None:
        for number, name in unknown[:_MOST_UNKNOWN]:
            what = f"@{path}:{number}: unknown tenant {name!r}, expected {one_of(self._selectable)}"
            self._refuse(what, nearest(name, self._selectable))
        if len(unknown) > _MOST_UNKNOWN:
            self._refuse(f"@{path}: {len(unknown) - _MOST_UNKNOWN} more unknown tenants")


def match_all(matcher: Matcher, terms: Iterable[Term]) -> frozenset[str]:
    """Return the names of the tenants that the terms include and none excludes. Raises ConfigError."""
    included: set[str] = set()
    excluded: set[str] = set()
    for term in terms:
        (excluded if term.excluded else included).update(matcher.match(term))
    if matcher.problems:
        raise ConfigError(tuple(matcher.problems))
    return frozenset(included - excluded)


def retype(at: str, text: str) -> str:
    """Return another selection as it would be written at the same place."""
    return f"{at} {shlex.quote(text)}" if at == OPTION else repr(text)
