"""Which tenants a run is for: the text of `--tenants` becomes a `Selection`, and a `Selection` picks tenants.

The text is parsed here and nowhere else. Every name is proven before anything is selected, and nothing selected is an
error.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tenantry.model import Tenant
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.tenants import ALL, MASTER
from tenantry.model.words import nearest, one_of, times


@dataclass(frozen=True, slots=True)
class Selection:
    """The tenants that a run is for, by the names that were given; without a name, everything in tenants.yaml.

    Whether these names exist is not known before `select` compares them with tenants.yaml.
    """

    names: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Return whether the master and every tenant are selected, none of them by name."""
        return not self.names

    @property
    def text(self) -> str:
        """Return the selection as it is written after `--tenants`."""
        return ",".join(self.names) or ALL

    @property
    def names_master(self) -> bool:
        """Return whether the master was asked for by its name."""
        return MASTER in self.names

    @property
    def master_alone(self) -> bool:
        """Return whether the master is all that is selected, so that no list of tenants is needed."""
        return self.names == (MASTER,)


EVERYTHING = Selection()


def parse_selection(text: str | None) -> Selection:
    """Return what `text` selects: ids, `master`, or `all` alone; None selects everything, as `all` does.

    Names are separated by commas, blanks around them are free. Which ones exist is not looked at. Raises ConfigError
    that names every mistake.
    """
    if text is None:
        return EVERYTHING
    names = tuple(part.strip() for part in text.split(","))
    if not any(names):
        raise ConfigError((Problem("--tenants: empty, expected ids separated by commas, master or all"),))
    problems = tuple(_find_mistakes(text, names))
    if problems:
        raise ConfigError(problems)
    return EVERYTHING if names == (ALL,) else Selection(names)


def select(config_tenants: Sequence[Tenant], master: Tenant | None, selection: Selection) -> tuple[Tenant, ...]:
    """Return the tenants that are selected, master first, then in the order of `config_tenants`.

    Raises ConfigError where a name is not known, naming all of those, and where there is nothing to select.
    """
    known = ((master,) if master else ()) + tuple(config_tenants)
    if not known:
        raise ConfigError((Problem("--tenants: nothing to select, expected a tenant or a master in tenants.yaml"),))
    if selection.everything:
        return known
    problems = tuple(_find_unknown(selection.names, [tenant.name for tenant in config_tenants], master))
    if problems:
        raise ConfigError(problems)
    return tuple(tenant for tenant in known if tenant.name in selection.names)


def _find_mistakes(text: str, names: tuple[str, ...]) -> Iterable[Problem]:
    given = list(dict.fromkeys(name for name in names if name))
    hint = f"write --tenants {','.join(given)}"
    if "" in names:
        yield Problem(f"--tenants: an id is missing in {text!r}, expected ids separated by single commas", hint)
    for name in given:
        if names.count(name) > 1:
            yield Problem(f"--tenants: {name!r} is given {times(names.count(name))}, expected every tenant once", hint)
    if ALL in given and len(given) > 1:
        yield Problem(f"--tenants: 'all' is given with other names in {text!r}, expected it alone")


def _find_unknown(names: tuple[str, ...], ids: list[str], master: Tenant | None) -> Iterable[Problem]:
    selectable = [*ids, MASTER] if master else ids
    known = frozenset(selectable)
    for name in names:
        if name == MASTER and not master:
            yield Problem(f"--tenants: tenants.yaml has no master, expected {one_of(selectable)}")
        elif name not in known:
            hint = _hint_commas(name, known) or nearest(name, [*selectable, ALL])
            yield Problem(f"--tenants: unknown tenant {name!r}, expected {one_of(selectable)}", hint)


def _hint_commas(name: str, known: frozenset[str]) -> str:
    words = name.split()
    return f"separate them with commas: --tenants {','.join(words)}" if known.issuperset(words) else ""
