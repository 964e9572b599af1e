"""What the tests of connections and servers share."""

from tests.integration.postgres.fix_embedded import make_server, open_binaries
from tests.integration.postgres.fix_sessions import opened

__all__ = ["make_server", "open_binaries", "opened"]
