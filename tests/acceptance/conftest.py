"""What the tests of the installed command may ask for."""

from tests.acceptance.fix_command import fleet

__all__ = ["fleet"]
