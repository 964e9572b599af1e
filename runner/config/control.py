"""The control database of workers as the file has it."""

from collections.abc import Mapping

from tenantry.config.document import Document
from tenantry.config.dsn import expand
from tenantry.config.model import ControlPlace, Mistake, Rules
from tenantry.config.schema import TenantsFile
from tenantry.config.servers import IN_CLEAR

_AT = ("workers", "database")
_EMBEDDED = Mistake("embedded, expected the connection string of a database", "leave it out to use the master")
_NO_MASTER = Mistake("no control database, expected database in it, or a master", "write workers: {database: ...}")


def make_control(document: Document, file: TenantsFile, env: Mapping[str, str], rules: Rules) -> ControlPlace | None:
    """Return where runs and workers know each other, None if there are to be no workers, and note its mistakes."""
    given = file.workers
    if given is None:
        return None
    if given.database is None:
        if file.master is None:
            document.refuse(("workers",), _NO_MASTER)
        return ControlPlace(given.schema_name)
    found = expand("workers", given.database, env)
    if isinstance(found, Mistake):
        # The usual hint names ways that only servers have.
        document.refuse(_AT, Mistake(found.what, "set it" if "not set" in found.what else found.hint))
        return None
    if found.server.dsn is None:
        document.refuse(_AT, _EMBEDDED)
        return None
    if found.in_clear:
        document.warn(_AT, IN_CLEAR)
    master = file.master
    home = (found.endpoint, found.database)
    in_master = master is not None and home == (rules.endpoints.get(master.server), master.database)
    return ControlPlace(given.schema_name, found.server.dsn, in_master)
