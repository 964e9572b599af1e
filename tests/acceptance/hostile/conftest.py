"""What the hostile suite may ask for."""

import pytest

from tests.acceptance.hostile.fix_hostile import controls, kept_controls, make_ground, victim

__all__ = ["controls", "kept_controls", "make_ground", "victim"]


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark of tests that a person may want to leave out: `-m "not slow"`."""
    config.addinivalue_line("markers", "slow: huge ledgers, which take their time")
