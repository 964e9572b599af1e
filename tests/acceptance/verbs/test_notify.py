"""`notify:` in tenants.yaml: who is told how a run ended, and that nothing about it changes the result."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import reduce
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.acceptance.fix_command import ROOMS, MakeFleet

SECRET = "a-secret-of-the-address"
BROKEN = "ALTER TABLE nowhere ADD COLUMN rate integer;\n"


@contextmanager
def listen(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve an address that takes notifications; yield it, and the bodies that it got."""
    got: list[dict[str, Any]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that http.server calls
            assert self.headers["Content-Type"] == "application/json"
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with HTTPServer(("127.0.0.1", 0), Taker) as server, ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever)
        try:
            yield f"http://127.0.0.1:{server.server_port}/{SECRET}", got
        finally:
            server.shutdown()


def test_command_and_address(fleet: MakeFleet) -> None:
    """Both get the same JSON: a text for people, the totals, and the tenants that did not end well."""
    command = '["/bin/sh", "-c", "cat > told.json"]'
    with listen() as (url, got):
        settings = f"notify: {{command: {command}, url: '${{HOOK}}'}}\n"
        one = fleet(files={"0000_rooms.sql": ROOMS, "0001_rates.sql": BROKEN}, settings=settings)
        done = one.run("migrate", env={"HOOK": url})
        assert done.code == 3
        assert "notify" not in done.err
    (notice,) = got
    assert notice == json.loads((one.folder / "told.json").read_text())
    assert notice["text"] == "tenantry migrate: 2 tenants: 2 failed"
    assert (notice["exit_code"], notice["tenants"], notice["totals"]) == (3, 2, {"failed": 2})
    assert [tenant["id"] for tenant in notice["not_well"]] == ["1", "16"]
    assert notice["not_well"][0]["reason"].startswith('relation "nowhere" does not exist')


def test_who_is_not_told(fleet: MakeFleet) -> None:
    """A verb that only reads notifies nobody; with failures-only, neither does a run that ended well."""
    one = fleet(settings='notify: {command: ["/bin/sh", "-c", "echo >> told"], failures-only: true}\n')
    assert one.run("migrate").code == 0
    assert one.run("status").code == 0
    assert one.run("migrate", "--dry-run").code == 0
    assert not (one.folder / "told").exists()


FAILURES = {
    'command: ["/no/such"]': "notify.command: /no/such could not be run: no such file or directory",
    "command: [/bin/false]": "notify.command: ended with exit code 1",
    "command: [/bin/sleep, '60'], timeout: 1s": "notify.command: not done within 1 s, given up",
    "url: '${NOWHERE_HOOK}'": "notify.url: ${NOWHERE_HOOK} not set, expected a value in the environment",
    "url: 'ANSWERS_500'": "notify.url: answered 500",
    "url: 'ANSWERS_302'": "notify.url: answered 302",
    "url: 'SILENT', timeout: 1s": "notify.url: not done within 1 s, given up",
    "url: 'http://127.0.0.1:1/'": "notify.url: connection refused",
}


@pytest.mark.parametrize(("template", "message"), FAILURES.items(), ids=FAILURES)
def test_failures_change_nothing(fleet: MakeFleet, template: str, message: str) -> None:
    """Whatever fails or takes too long is a warning, and the run ends as it would; the address is never shown."""
    with (
        listen(500) as (broken, _),
        listen(302) as (moved, redirected),
        socket.create_server(("127.0.0.1", 0)) as silent,
    ):
        addresses = {
            "ANSWERS_500": broken,
            "ANSWERS_302": moved,
            "SILENT": f"http://127.0.0.1:{silent.getsockname()[1]}/{SECRET}",
        }
        settings = reduce(lambda text, entry: text.replace(*entry), addresses.items(), template)
        one = fleet(tenants=("1",), settings=f"notify: {{{settings}}}\n")
        done = one.run("migrate", "--no-verify")
    assert (done.code, f"{message}: the result of the run stays the same" in done.err) == (0, True), done.err
    assert SECRET not in done.out + done.err
    assert "1 tenant: 1 applied" in done.out
    # A redirect is not followed.
    assert len(redirected) <= 1


MISTAKES = {
    "{}": "7:9: notify: nobody to notify, expected command or url",
    "{url: ftp://x}": "7:15: notify.url: 'ftp://x', expected an http:// or https:// address, or a reference such as "
    "${OPS_WEBHOOK}",
    "{command: ./notify}": "7:19: notify.command: './notify', expected a list of the command and its arguments",
}


@pytest.mark.parametrize(("settings", "message"), MISTAKES.items(), ids=MISTAKES)
def test_mistakes(fleet: MakeFleet, settings: str, message: str) -> None:
    """A notification that cannot be meant is an error of tenants.yaml."""
    one = fleet(created=False, settings=f"notify: {settings}\n")
    done = one.run("status")
    assert (done.code, done.err.splitlines()[0]) == (2, f"error: tenants.yaml:{message}")
