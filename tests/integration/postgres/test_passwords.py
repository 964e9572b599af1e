"""A command prints the password: asked for when it is needed, again once it is refused, and never shown."""

from pathlib import Path

import pytest

from tenantry.model.errors import Refused
from tenantry.postgres.passwords import PasswordCommand
from tenantry.postgres.sessions import Sessions, Settings
from tests.fix_scram import Guarded, MakeRole


class Vault:
    """A file that holds a password, and a command that prints it and counts how often."""

    def __init__(self, folder: Path) -> None:
        self.kept, self.asked = folder / "kept", folder / "asked"

    def command(self, ttl_s: float | None = None) -> PasswordCommand:
        """Return the command."""
        script = f"echo x >> {self.asked}; cat {self.kept}"
        return PasswordCommand("main", ("/bin/sh", "-c", script), ttl_s)

    @property
    def times(self) -> int:
        """Return how often the command has run."""
        return len(self.asked.read_text().split())


def open_sessions(guarded: Guarded, role: str, command: PasswordCommand) -> Sessions:
    """Return a way to the guarded server, as a role whose password the command prints."""
    return Sessions({"main": guarded.dsn(role)}, Settings("tenantry/test"), commands={"main": command})


def use(sessions: Sessions) -> None:
    """Open a connection and use it."""
    with sessions.connect_to("main", "postgres") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_asked_again(guarded: Guarded, make_role: MakeRole, tmp_path: Path) -> None:
    """A password counts until the server refuses it; then keys of the old one are gone with it."""
    vault, role = Vault(tmp_path), make_role("first")
    vault.kept.write_text("first\n")
    sessions = open_sessions(guarded, role, vault.command())
    for _ in range(5):
        use(sessions)
    assert vault.times == 1
    guarded.run(f"ALTER ROLE {role} PASSWORD 'second'")
    vault.kept.write_text("second\n")
    for _ in range(5):
        use(sessions)
    assert vault.times == 2


def test_expires(guarded: Guarded, make_role: MakeRole, tmp_path: Path) -> None:
    """After its time, a password is asked for before it is refused."""
    vault, role = Vault(tmp_path), make_role("first")
    vault.kept.write_text("first")
    sessions = open_sessions(guarded, role, vault.command(ttl_s=0.0))
    use(sessions)
    use(sessions)
    assert vault.times == 2


def test_wrong(guarded: Guarded, make_role: MakeRole, tmp_path: Path) -> None:
    """A wrong password is asked for once more, and then it is a refused login."""
    vault, role = Vault(tmp_path), make_role("first")
    vault.kept.write_text("wr0ng")
    with pytest.raises(Refused) as caught:
        use(open_sessions(guarded, role, vault.command()))
    assert (vault.times, "login refused" in str(caught.value), "wr0ng" in str(caught.value)) == (2, True, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("/nowhere/s3cret",), "no such file or directory"),
        (("/bin/sh", "-c", "echo s3cret; exit 3"), "exit code 3"),
        (("/bin/true", "s3cret"), "no single line of text"),
        (("/usr/bin/printf", "s3cret\\ns3cret"), "no single line of text"),
        (("/bin/sleep", "9"), "no answer within 0.1 s"),
    ],
    ids=["absent", "fails", "empty", "two lines", "hangs"],
)
def test_bad_command(arguments: tuple[str, ...], said: str) -> None:
    """A command that prints no password is named by its server, and neither its words nor its output are shown."""
    # Only one that hangs is waited for to the end of its time.
    command = PasswordCommand("main", arguments, timeout_s=0.1 if "sleep" in arguments[0] else 60)
    with pytest.raises(Refused) as caught:
        command.take({})
    assert str(caught.value) == f"server 'main': password-command: {said}, expected a password on stdout"
    assert "s3cret" not in repr(command)
