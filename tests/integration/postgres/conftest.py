"""What the tests of connections may ask for."""

from tests.integration.postgres.fix_scram import guarded, make_role

__all__ = ["guarded", "make_role"]
