"""What the tests of the command line share."""

from tests.unit.cli.fix_call import call, folder

__all__ = ["call", "folder"]
