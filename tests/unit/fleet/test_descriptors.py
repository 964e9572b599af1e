"""The number of tenants at once stays below the limit of open files, which is raised as far as it goes."""

import resource

import pytest

from tenantry.fleet.descriptors import limit_jobs


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the soft and the hard limit that this process seems to have; they may be changed."""
    found = [1024, 4096]
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: tuple(found))
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, limit: found.__setitem__(0, limit[0]))
    return found


def test_enough(limits: list[int]) -> None:
    """Where there are files enough, nothing changes and nothing is said."""
    assert limit_jobs(40, 2) == (40, None)
    assert limits == [1024, 4096]


def test_raised(limits: list[int]) -> None:
    """The soft limit is raised to what is needed, and no further than the hard one."""
    assert limit_jobs(400, 1) == (400, None)
    assert limits[0] == 1224
    fewer, warning = limit_jobs(4000, 1)
    assert (limits[0], fewer) == (4096, 1357)
    assert warning is not None


@pytest.mark.parametrize(("limit", "servers", "fewer"), [(40, 1, 5), (40, 2, 2), (24, 1, 1), (10, 3, 1)])
def test_few(limits: list[int], limit: int, servers: int, fewer: int) -> None:
    """With few files, fewer tenants run at once, at least one, and a warning says how to have more."""
    limits[:] = [limit, limit]
    found, warning = limit_jobs(40, servers)
    assert warning is not None
    assert found == fewer
    assert warning.problem.hint == f'run "ulimit -n {40 * servers * 3 + 24}" first, or use a lower --jobs'
    assert str(limit) in warning.problem.message
