"""A tenant from a row without pydantic, where the row is plainly right: for a hundred thousand of them.

Whatever is not plain is left to the model in `schema`, which explains it. A test holds both to the same tenants.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from sys import intern

from tenantry.config.model import Rules
from tenantry.config.patterns import DATABASE_PATTERN, ID_PATTERN, TEXT_PATTERN
from tenantry.model import Server, SetName, Tenant

_ID = re.compile(ID_PATTERN.removesuffix("$"))
_TEXT = re.compile(TEXT_PATTERN.removesuffix("$"))
_DATABASE = re.compile(DATABASE_PATTERN.removesuffix("$"))
# Without lock-timeout, which few rows have.
_PLAIN = frozenset({"id", "name", "database", "server", "labels"})


def make_plain(row: Mapping[str, object], rules: Rules) -> Tenant | None:
    """Return the tenant of a row whose values are text, or an id that is a whole number; None where it is not plain."""
    if not row.keys() <= _PLAIN:
        return None
    name = row.get("id")
    if type(name) is int and name >= 0:
        name = str(name)
    if not isinstance(name, str) or not _ID.fullmatch(name):
        return None
    title, database, labels = row.get("name", ""), row.get("database", rules.database), row.get("labels")
    if "name" in row and not _is_text(title):
        return None
    if "database" in row and not (isinstance(database, str) and _DATABASE.fullmatch(database)):
        return None
    server, pairs = _find_server(row, rules), _read_labels(labels) if "labels" in row else ()
    if server is None or pairs is None:
        return None
    home = str(database).replace("{id}", name)
    role = rules.role.replace("{id}", name)
    return Tenant(name, SetName.TENANT, server, home, str(title), pairs, rules.lock_timeout_ms, role)


def _find_server(row: Mapping[str, object], rules: Rules) -> Server | None:
    """Return the server of a row, None where it is unknown or is not text."""
    given = row.get("server", rules.server)
    return rules.servers.get(given) if isinstance(given, str) and given else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and _TEXT.fullmatch(value) is not None


def _read_labels(labels: object) -> tuple[tuple[str, str], ...] | None:
    """Return labels as pairs, None where a value is not text or a key is not text on one line."""
    if not isinstance(labels, dict):
        return None
    if not all(isinstance(value, str) and _is_text(key) for key, value in labels.items()):
        return None
    return _share(tuple((intern(key), intern(value)) for key, value in labels.items()))


@lru_cache(maxsize=1_000)
def _share(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return labels as they were returned before: there are few of them, for many tenants."""
    return pairs
