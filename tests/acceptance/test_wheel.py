"""The distribution, built and installed as a user gets it: in an environment and a folder outside of the repository."""

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.builders import write_files
from tests.places import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# As an application may have one: it would hide a package of this name, and importing it ends the process.
FOREIGN = "raise SystemExit('the runner of somebody else was imported')\n"
TENANTS_YAML = """\
servers: {main: embedded}
tenants: {migrations: migrations, server: main, database: 'tenant_{id}', list: [1, 16]}
"""
FILES = {
    "0001_rooms.sql": "CREATE TABLE rooms (id integer PRIMARY KEY, name text NOT NULL);\n",
    "0002_rates.sql": "ALTER TABLE rooms ADD COLUMN rate numeric(10, 2);\n",
}
PROGRAM = """\
import tenantry

with tenantry.open(tenants="16") as project:
    print(tenantry.status(project, strict=True).finish().exit_code)
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment that has the wheel, and the folder of a project."""

    binaries: Path
    folder: Path
    environment: Mapping[str, str]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in the folder, whose foreign modules come before all others."""
        return subprocess.run(
            [self.binaries / command[0], *command[1:]],
            cwd=self.folder,
            env={**self.environment, "PYTHONPATH": str(self.folder), "PYTHONWARNINGS": "default"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Return an empty folder that everybody may enter: as root, the embedded server and its programs are nobody's."""
    with tempfile.TemporaryDirectory(prefix="tenantry-wheel-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """Return the environment of a user, with what pip was told about where packages come from."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PG", "PYTHON", "TENANTRY_"))}
    return {**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@pytest.fixture(scope="module")
def wheels(place: Path, environment: dict[str, str]) -> tuple[Path, Path]:
    """Return the wheel that is built from the checkout, and the one that is built from the source archive."""
    archive = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(place / "archive")]
    finish(archive, ROOT, environment)
    (source,) = (place / "archive").iterdir()
    return build(ROOT, place / "direct", environment), build(source, place / "indirect", environment)


@pytest.fixture(scope="module")
def installed(place: Path, wheels: tuple[Path, Path], environment: dict[str, str]) -> Iterator[Installed]:
    """Return an environment with the wheel and all that it needs, and a project on the embedded server."""
    finish([sys.executable, "-m", "venv", str(place / "venv")], place, environment)
    binaries, folder = place / "venv" / "bin", place / "project"
    finish([str(binaries / "python"), "-m", "pip", "install", "-q", f"{wheels[1]}[embedded]"], place, environment)
    write_files(folder, {"tenants.yaml": TENANTS_YAML, "runner.py": FOREIGN})
    write_files(folder / "migrations", FILES)
    one = Installed(binaries, folder, environment)
    yield one
    one.run("tenantry", "db", "destroy", "--yes")


def finish(command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Run a command that has to end well."""
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr


def build(source: Path, folder: Path, environment: Mapping[str, str]) -> Path:
    """Build the wheel of a checkout or an archive, with the build tools of the tests."""
    options = ["-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    finish([sys.executable, "-m", "pip", "wheel", *options, str(source)], folder.parent, environment)
    (wheel,) = folder.iterdir()
    return wheel


def read_wheel(wheel: Path) -> dict[str, bytes]:
    """Return the files of a wheel by their names."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_what_the_wheel_holds(wheels: tuple[Path, Path]) -> None:
    """The wheel holds one package, `tenantry`, with its modules, SQL, page, and the mark of its types."""
    files = read_wheel(wheels[0])
    assert {name.split("/")[0] for name in files} == {"tenantry", "tenantry-0.1.0.dist-info"}
    package = ROOT / "runner"
    expected = [path for path in package.rglob("*") if path.suffix in (".py", ".sql", ".html", ".css", ".js")]
    assert any(path.suffix == ".sql" for path in expected)
    assert {name for name in files if name.startswith("tenantry/")} == {
        "tenantry/py.typed",
        *(f"tenantry/{path.relative_to(package).as_posix()}" for path in expected),
    }


def test_the_readme_of_an_index(wheels: tuple[Path, Path]) -> None:
    """The README in the metadata has no link to a file, which would lead nowhere from an index."""
    text = read_wheel(wheels[0])["tenantry-0.1.0.dist-info/METADATA"].decode()
    assert "`migrate`" in text
    assert not re.findall(r"\]\((?!https?://)", text)


def test_the_archive_makes_the_same_wheel(wheels: tuple[Path, Path]) -> None:
    """The source archive, which holds no links, makes the same wheel as the checkout, byte for byte."""
    direct, indirect = map(read_wheel, wheels)
    assert direct == indirect


def test_installed(installed: Installed) -> None:
    """What is installed migrates, verifies and lints on an embedded server, whatever modules the user's folder has."""
    version = installed.run("tenantry", "--version")
    assert (version.returncode, version.stdout, version.stderr) == (0, "tenantry, version 0.1.0\n", "")
    migrated = installed.run("python", "-m", "tenantry", "migrate")
    assert (migrated.returncode, "2 tenants: 2 applied" in migrated.stdout) == (0, True), migrated.stderr
    for verb in ("verify", "lint", "check"):
        done = installed.run("tenantry", verb)
        assert done.returncode == 0, (verb, done.stdout, done.stderr)
    program = installed.run("python", "-c", PROGRAM)
    assert (program.stdout, program.stderr) == ("0\n", "")
