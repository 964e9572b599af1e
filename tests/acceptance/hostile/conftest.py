"""What the hostile suite may ask for."""

import pytest

from tests.acceptance.hostile.fix_hostile import controls, kept_controls, make_ground, victim

__all__ = ["controls", "kept_controls", "make_ground", "victim"]


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark of tests that take minutes, and so are only run where TENANTRY_TEST_SLOW is 1."""
    config.addinivalue_line("markers", "slow: takes minutes, and is run where TENANTRY_TEST_SLOW is 1")
