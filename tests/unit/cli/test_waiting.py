"""Waiting for a server: offered by every verb that connects to one."""

from pathlib import Path

import pytest

from tests.unit.cli.fix_call import Call, Ended, write_project

CONNECTING = {
    **dict.fromkeys(("migrate", "status", "plan", "verify", "log", "tenants", "adopt"), ("--tenants", "1")),
    **dict.fromkeys(("accept", "mark", "forget", "rollback"), ("1", "--tenants", "1", "--reason", "a test")),
    "drift": ("--tenants", "1"),
    "lint": ("--tenants", "1"),
    "import": ("--from", "yoyo", "migrations/tenant", "--tenants", "1"),
}


@pytest.mark.parametrize("verb", CONNECTING)
def test_servers_are_waited_for(call: Call, folder: Path, verb: str) -> None:
    """Every verb that connects to a tenant can wait for its server, says so on stderr, and says so where it failed."""
    write_project(folder, **{"0001_a.sql": "SELECT 1;\n", "0001_a.rollback.sql": "SELECT 1;\n"})
    ended = call(verb, *CONNECTING[verb], "--server", f"main=host={folder}", "--wait", "0.1")
    assert ended.code == 5
    assert ended.err.startswith("waiting for server 'main', 0 of 0.1 s: connection to server on socket ")
    assert "server 'main': waited 0.1 s for it in vain: connection to server on socket " in ended.out
    assert call(verb, *CONNECTING[verb], "--server", f"main=host={folder}", "--wait", "0.1", "-q").err == ""


def test_a_scratch_server_is_waited_for(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of TENANTRY_SCRATCH, such as the service of a CI, can be waited for as well."""
    write_project(folder)
    monkeypatch.setenv("TENANTRY_SCRATCH", f"host={folder}")
    for verb in ("check", "lint"):
        ended = call(verb, "--wait", "0.1")
        assert ended.err.startswith("waiting for server 'scratch', 0 of 0.1 s: connection to server on socket "), verb
        assert "server 'scratch': waited 0.1 s for it in vain: " in ended.out


def test_the_source_of_a_project_is_waited_for(call: Call, folder: Path) -> None:
    """The server of init --from can be waited for; without it, init asks no server."""
    ended = call("init", "--from", f"host={folder} dbname=studio", "--wait", "0.1")
    assert ended.code == 5
    assert ended.err.startswith("waiting for server 'main', 0 of 0.1 s: connection to server on socket ")
    assert "error: --from: server 'main': waited 0.1 s for it in vain: " in ended.err
    assert call("init", "--wait", "1") == Ended(2, "", "error: --wait: has no effect without --from\n")
