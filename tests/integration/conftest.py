"""What the tests of single modules on a real PostgreSQL may ask for."""

from tests.integration.fix_site import any_site, site

__all__ = ["any_site", "site"]
