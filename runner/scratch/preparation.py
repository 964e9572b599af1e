"""The state of a scratch database before the first file: settings and objects that tenants have without any file."""

import hashlib
from dataclasses import dataclass

import psycopg
from psycopg import sql

from tenantry.model.errors import Refused
from tenantry.postgres.sessions import Connection

# The server reads the values of these as lists of names (GUC_LIST_QUOTE in its guc_tables.c).
_LISTS = frozenset({"search_path", "local_preload_libraries", "session_preload_libraries", "temp_tablespaces"})
_AT = "scratch.before in tenants.yaml"


@dataclass(frozen=True, slots=True)
class Preparation:
    """Settings of the database, as pairs, and the SQL of `before`, which runs with them."""

    settings: tuple[tuple[str, str], ...] = ()
    before: str = ""

    def describe(self) -> tuple[str, ...]:
        """Return the part of a key for a database that is prepared; empty for one that is not."""
        about = repr((self.settings, self.before))
        return (hashlib.sha256(about.encode()).hexdigest(),) if self.settings or self.before else ()

    def set_up(self, keeper: Connection, database: str) -> None:
        """Set the settings of a new database; they hold in sessions that are opened from then on."""
        name = sql.Identifier(database)
        for key, value in self.settings:
            values = [part.strip().strip('"') for part in value.split(",")] if key in _LISTS else [value]
            literals = sql.SQL(", ").join(map(sql.Literal, values))
            query = sql.SQL("ALTER DATABASE {} SET {} = {}")
            try:
                keeper.execute(query.format(name, sql.SQL(".").join(map(sql.Identifier, key.split("."))), literals))
            except psycopg.errors.DatabaseError as error:
                raise Refused(f"scratch.settings in tenants.yaml: {key}: {error.diag.message_primary}") from None

    def run(self, connection: Connection) -> None:
        """Run the SQL in the new database. Raises Refused."""
        if not self.before:
            return
        try:
            connection.execute(self.before.encode())
        except psycopg.errors.DatabaseError as error:
            said = f"{error.diag.message_primary} (SQLSTATE {error.sqlstate})"
            hint = "have the file bring an empty database to the state that tenants start from"
            raise Refused(f"{_AT}: {said}", hint=hint) from None


NOTHING_MORE = Preparation()
