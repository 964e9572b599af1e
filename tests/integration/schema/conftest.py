"""What the tests of schemas share."""

from tests.integration.fix_catalog import opened, rich

__all__ = ["opened", "rich"]
