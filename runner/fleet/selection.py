"""Which tenants a run is for: the text of `--tenants` becomes a `Selection`, and a `Selection` picks tenants.

The text is parsed here and in `terms`, and nowhere else. Every term is proven before anything is selected, and nothing
selected is an error.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tenantry.config.model import Mistake
from tenantry.fleet.matching import OPTION, Matcher, Sources, match_all, retype
from tenantry.fleet.shards import Shard
from tenantry.fleet.terms import Everything, Id, Term, parse_term
from tenantry.model import SetName, Tenant
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.tenants import ALL, MASTER
from tenantry.model.words import times


@dataclass(frozen=True, slots=True)
class Selection:
    """The tenants that a run is for, by the terms that were given; without a term, everything in tenants.yaml.

    Whom the terms name is not known before `select` compares them with tenants.yaml. `at` is where the text stands, as
    the subject of messages. `shard` is the part of them that this run is for; the master is in each.
    """

    terms: tuple[Term, ...] = ()
    at: str = OPTION
    shard: Shard | None = None

    @property
    def everything(self) -> bool:
        """Return whether the master and every tenant are selected, none of them by name."""
        return not self.terms and not self.shard

    @property
    def text(self) -> str:
        """Return the selection as it is written."""
        return ",".join(term.text for term in self.terms) or ALL

    @property
    def typed(self) -> str:
        """Return the selection as it is typed after `--tenants` in a shell."""
        return type_selection(self.text, str(self.shard or ""))

    @property
    def words(self) -> str:
        """Return the selection as messages name it."""
        return f"{self.text}, shard {self.shard}" if self.shard else self.text

    @property
    def names_master(self) -> bool:
        """Return whether the master was asked for by its name."""
        return any(term.atom == Id(MASTER) and not term.excluded for term in self.terms)

    @property
    def master_alone(self) -> bool:
        """Return whether the master is all that is selected, so that no list of tenants is needed."""
        return self.names_master and len(self.terms) == 1

    @property
    def computed(self) -> bool:
        """Return whether it takes tenants.yaml to know who is selected: not where each is named, or all are."""
        return bool(self.shard) or any(term.excluded or not isinstance(term.atom, Id) for term in self.terms)


EVERYTHING = Selection()


def name_tenant(name: str) -> Selection:
    """Return the selection of one tenant, or the master, by its name."""
    return Selection((Term(name, Id(name)),))


def parse_selection(text: str | None, at: str = OPTION) -> Selection:
    """Return what `text` selects, as docs/reference/selection.md describes; None selects everything, as `all` does.

    Terms are separated by commas, blanks around them are free. Which tenants exist is not looked at. `at` is the
    subject of messages. Raises ConfigError that names every mistake.
    """
    if text is None:
        return EVERYTHING
    parts = tuple(part.strip() for part in text.split(","))
    if not any(parts):
        raise ConfigError((Problem(f"{at}: empty, expected ids separated by commas, master or all"),))
    parsed = {part: parse_term(part) for part in parts if part}
    terms = tuple(term for term in parsed.values() if isinstance(term, Term))
    problems = [*_find_repeated(text, parts, at), *_find_wrong(parsed, at), *_find_odd(text, terms, at)]
    if problems:
        raise ConfigError(tuple(problems))
    return EVERYTHING if parts == (ALL,) else Selection(terms, at)


def select(
    config_tenants: Sequence[Tenant],
    master: Tenant | None,
    selection: Selection,
    sources: Sources | None = None,
) -> tuple[Tenant, ...]:
    """Return the tenants that are selected, master first, then in the order of `config_tenants`.

    Raises ConfigError for each term that names nobody, and where there is nothing to select.
    """
    known = ((master,) if master else ()) + tuple(config_tenants)
    if not known:
        raise ConfigError(
            (Problem(f"{selection.at}: nothing to select, expected a tenant or a master in tenants.yaml"),)
        )
    if selection.everything:
        return known
    if not selection.terms:
        return _take_shard(known, selection)
    chosen = match_all(Matcher(config_tenants, master, sources or Sources(), selection.at), selection.terms)
    if not chosen:
        message = f"{selection.at}: {selection.text!r} leaves no tenant, expected one that is not excluded"
        raise ConfigError((Problem(message),))
    return _take_shard(tuple(tenant for tenant in known if tenant.name in chosen), selection)


def type_selection(text: str, shard: str) -> str:
    """Return a selection, and its shard if that is not empty, as they are typed after `--tenants` in a shell."""
    return f"{shlex.quote(text)} --shard {shard}" if shard else shlex.quote(text)


def _take_shard(tenants: tuple[Tenant, ...], selection: Selection) -> tuple[Tenant, ...]:
    """Return the tenants of the shard of this run. Raises ConfigError where it has none."""
    shard = selection.shard
    if shard is None:
        return tenants
    # No tenant may start before the master has its files, and only this run can know that of itself.
    found = tuple(tenant for tenant in tenants if tenant.set_name is SetName.MASTER or shard.has(tenant.name))
    if not found:
        message = f"--shard {shard}: contains none of the selected tenants, expected at least one"
        raise ConfigError((Problem(message, "divide the tenants into fewer shards"),))
    return found


def _find_repeated(text: str, parts: tuple[str, ...], at: str) -> Iterator[Problem]:
    given = list(dict.fromkeys(part for part in parts if part))
    hint = f"write {retype(at, ','.join(given))}"
    if "" in parts:
        yield Problem(f"{at}: an id is missing in {text!r}, expected ids separated by single commas", hint)
    for part in given:
        if parts.count(part) > 1:
            yield Problem(f"{at}: {part!r} is given {times(parts.count(part))}, expected every tenant once", hint)


def _find_wrong(parsed: dict[str, Term | Mistake], at: str) -> Iterator[Problem]:
    for part, term in parsed.items():
        if isinstance(term, Mistake):
            yield Problem(f"{at}: {part!r}, {term.what}", term.hint)


def _find_odd(text: str, terms: Sequence[Term], at: str) -> Iterator[Problem]:
    """Yield what no selection means: `all` and more, or only exceptions."""
    included = [term for term in terms if not term.excluded]
    if any(isinstance(term.atom, Everything) for term in included) and len(included) > 1:
        yield Problem(f"{at}: 'all' is given with other names in {text!r}, expected it alone")
    if terms and not included:
        without = ",".join(term.text for term in terms)
        message = f"{at}: only exceptions in {text!r}, expected the tenants that they are taken from"
        yield Problem(message, f"write {retype(at, f'{ALL},{without}')}")
