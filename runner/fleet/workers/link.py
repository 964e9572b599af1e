"""A lasting connection to the control database, opened again where it was lost."""

from contextlib import suppress

import psycopg
from psycopg import sql

from tenantry.fleet.workers.control import Control, name_channel
from tenantry.postgres.sessions import Connection


class Link:
    """A connection to the control database that is opened again where it was lost; `lost` says why it is, if it is."""

    def __init__(self, control: Control, bell: str = "") -> None:
        """Take the run whose bell it is to hear, if any."""
        self.lost = ""
        self._control = control
        self._bell = bell
        self._connection: Connection | None = None

    def get(self) -> Connection:
        """Return the connection. Raises one of `LOST`."""
        if self._connection is None or self._connection.closed:
            self._connection = self._control.open()
            if self._bell:
                self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(name_channel(self._bell))))
            self.lost = ""
        return self._connection

    def drop(self, error: Exception) -> None:
        """Give the connection up after an error."""
        self.lost = str(error).strip().split("\n")[0] or type(error).__name__
        self.close()

    def close(self) -> None:
        """Close the connection, if it is open."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = None
