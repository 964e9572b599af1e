"""Queries of ours that the server plans once a session: to plan one takes longer than to run it."""

import re

from tenantry.postgres.send import ask
from tenantry.postgres.sessions import Connection

# A file may drop them, or have statements of its own that must not reach the next file.
_MENTIONED = re.compile(r"\b(?:deallocate|discard|prepare)\b", re.IGNORECASE)


class PreparedQueries:
    """The prepared queries of one session; without `used`, as behind a pooler, each is sent as it is."""

    def __init__(self, connection: Connection, *, used: bool = True) -> None:
        self._connection = connection
        self._used = used
        # By their text. Numbers go on, since those that were forgotten may still be there.
        self._names: dict[str, str] = {}
        self._count = 0

    def compose(self, query: str, *arguments: str) -> str:
        """Return the SQL that runs a query with arguments, SQL as well, for $1 and so on. Raises psycopg.Error."""
        if not self._used:
            return _insert(query, arguments)
        if query not in self._names:
            self._count += 1
            name = f"tenantry_{self._count}"
            ask(self._connection, f"PREPARE {name} AS {query}")
            self._names[query] = name
        given = f" ({', '.join(arguments)})" if arguments else ""
        return f"EXECUTE {self._names[query]}{given}"

    def forget(self) -> None:
        """Prepare each query again before it is run: somebody may have dropped it."""
        self._names.clear()


def mentions_prepared(text: str) -> bool:
    """Return whether SQL may drop prepared statements, or leave some."""
    return bool(_MENTIONED.search(text))


def _insert(query: str, arguments: tuple[str, ...]) -> str:
    for number, argument in enumerate(arguments, 1):
        query = query.replace(f"${number}", argument)
    return query
