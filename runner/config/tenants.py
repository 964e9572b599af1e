"""Tenants as the file lists them, each checked to have an id and a database of its own."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

from tenantry.config.document import Document, Location
from tenantry.config.model import Mistake, Rules
from tenantry.config.schema import TenantsFile
from tenantry.config.values import check_values
from tenantry.model import SetName, Tenant
from tenantry.model.tenants import RESERVED
from tenantry.model.words import nearest, one_of, times

# PostgreSQL cuts longer names without an error: two tenants could end up in one database.
_MAX_NAME_BYTES = 63
# What is in one of them is in every database that is created later.
_TEMPLATES = frozenset({"template0", "template1"})
# Selections mean the tenant's server by it.
_SERVER = "server"


def make_tenants(document: Document, file: TenantsFile, rules: Rules) -> tuple[Tenant | None, tuple[Tenant, ...]]:
    """Return the master and the tenants of the list, and note their mistakes."""
    if rules.server not in rules.servers:
        document.refuse(("tenants", "server"), _explain_server(rules.server, rules))
    found: list[tuple[Location, Tenant]] = []
    if file.master:
        found.append((("master",), file.master.make_tenant(rules)))
    for index, entry in enumerate(file.tenants.entries or ()):
        found.append((("tenants", "list", index), entry.make_tenant(rules)))
    for location, tenant in found:
        for key, mistake in check_tenant(tenant, rules):
            document.refuse((*location, key), mistake)
    tenants = tuple(tenant for _, tenant in found)
    for index, mistake in find_clashes(tenants, rules, lambda index: document.line(found[index][0])):
        document.refuse(found[index][0], mistake)
    return (tenants[0], tenants[1:]) if file.master else (None, tenants)


def check_source(document: Document, file: TenantsFile) -> None:
    """Note a source of tenants that is missing or given twice."""
    tenants = file.tenants
    given = {"list": tenants.entries, "query": tenants.query, "file": tenants.file}
    first, *others = [key for key, value in given.items() if value] or [""]
    if others:
        document.refuse(
            ("tenants", others[0]), Mistake(f"both {first} and {others[0]}, expected one of them"), key=True
        )
    elif not first:
        document.refuse(("tenants",), Mistake("neither list, query nor file, expected one of them"))
    elif tenants.query and not file.master:
        document.refuse(("tenants", "query"), Mistake("query without master, expected a master to run it on"), key=True)


def check_proofs(document: Document, file: TenantsFile) -> None:
    """Note proofs that are to be kept in a master where there is none."""
    if file.proofs == "master" and not file.master:
        document.refuse(("proofs",), Mistake("master without a master, expected state, or a master to keep them in"))


def check_tenant(tenant: Tenant, rules: Rules) -> Iterator[tuple[str, Mistake]]:
    """Yield the mistakes of one tenant by itself, each with the key that holds it."""
    is_master = tenant.set_name is SetName.MASTER
    if not is_master and tenant.name.lower() in RESERVED:
        yield "id", Mistake(f"{tenant.name!r} is reserved, expected another id")
    if any(key == _SERVER for key, _ in tenant.labels):
        yield "labels", Mistake("'server' is reserved: @server=NAME selects by server, expected another label")
    # An unknown server of most tenants is reported once, at tenants.server, and not for each of them.
    if tenant.server.name not in rules.servers and (is_master or tenant.server.name != rules.server):
        yield "server", _explain_server(tenant.server.name, rules)
    length = len(tenant.database.encode())
    if length > _MAX_NAME_BYTES:
        yield "database", Mistake(f"{tenant.database!r} has {length} bytes, expected at most {_MAX_NAME_BYTES}")
    if (length := len(tenant.role.encode())) > _MAX_NAME_BYTES:
        yield "role", Mistake(f"{tenant.role!r} has {length} bytes, expected at most {_MAX_NAME_BYTES}")
    if tenant.database in _TEMPLATES:
        yield "database", Mistake(f"{tenant.database!r} is a template of new databases, expected another database")
    yield from check_values(tenant)


def find_clashes(
    tenants: Sequence[Tenant], rules: Rules, locate: Callable[[int], str]
) -> Iterator[tuple[int, Mistake]]:
    """Yield tenants that are listed twice or share a database, at the index of the second of them."""
    ids = [_normalize_id(tenant.name) for tenant in tenants]
    for same in _group(ids):
        listed = _list_some(f"{tenants[index].name} ({locate(index)})" for index in same)
        yield same[1], Mistake(f"the same tenant is listed {times(len(same))}: {listed}")
    homes = [(rules.endpoints.get(tenant.server.name, (tenant.server.name,)), tenant.database) for tenant in tenants]
    for same in _group(homes):
        # A tenant that is listed twice has been reported already.
        distinct = list({ids[index]: index for index in reversed(same)}.values())[::-1]
        if len(distinct) > 1:
            places = [locate(index) for index in distinct]
            yield distinct[1], _explain_sharing([tenants[index] for index in distinct], places, rules)


def _explain_sharing(tenants: Sequence[Tenant], places: Sequence[str], rules: Rules) -> Mistake:
    servers = list(dict.fromkeys(tenant.server.name for tenant in tenants))
    listed = _list_some(
        f"{tenant.name} on {tenant.server.name!r} ({place})" for tenant, place in zip(tenants, places, strict=True)
    )
    hint = "" if "{id}" in rules.database else "put {id} into tenants.database"
    if len(servers) > 1:
        hint = f"choose another database: {' and '.join(repr(name) for name in servers)} share a host and port"
    return Mistake(f"database {tenants[0].database!r} is used {times(len(tenants))}: {listed}", hint)


def _normalize_id(name: str) -> Hashable:
    """Return one value for all spellings of a number: 1 and 01 would be a trap on the command line."""
    return int(name) if name.isdigit() else name


def _group(keys: Iterable[Hashable]) -> list[list[int]]:
    """Return the indexes of equal keys, for each key that occurs more than once."""
    keys = list(keys)
    if len(set(keys)) == len(keys):
        # Nearly always, and the groups of a hundred thousand tenants take memory.
        return []
    groups: dict[Hashable, list[int]] = {}
    for index, key in enumerate(keys):
        groups.setdefault(key, []).append(index)
    return [indexes for indexes in groups.values() if len(indexes) > 1]


def _list_some(names: Iterable[str]) -> str:
    """Return the first few of many names."""
    names = list(names)
    shown = 5  # arbitrary
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def _explain_server(name: str, rules: Rules) -> Mistake:
    return Mistake(f"unknown server {name!r}, expected {one_of(rules.servers)}", nearest(name, rules.servers))
