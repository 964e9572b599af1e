"""What a right file means, and that a wrong one is nothing but a ConfigError."""

import errno
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantry.config.reading import parse, read
from tenantry.model import Server, SetName, Tenant
from tenantry.model.errors import ConfigError
from tests.places import ROOT
from tests.unit.config.cases import (
    DATA,
    ENVIRONMENT,
    EXAMPLE,
    LIST,
    PATH,
    SERVERS,
    TENANTS,
    parse_good,
    refuse_file,
    say,
)


def test_design() -> None:
    """The repository's own file means an embedded server, the master database and the tenants 1 and 16."""
    config = read(ROOT / "tenants.yaml", env={})
    main = Server("main", None)
    assert config.servers == {"main": main}
    assert config.master == Tenant("master", SetName.MASTER, main, "rsm_master")
    assert config.tenants == (
        Tenant("1", SetName.TENANT, main, "tenant_1"),
        Tenant("16", SetName.TENANT, main, "tenant_16", "Test Studio UI", (("tier", "internal"),)),
    )
    assert (config.master_migrations, config.tenant_migrations) == (
        ROOT / "migrations" / "master",
        ROOT / "migrations" / "tenant",
    )
    assert (config.path, config.root) == (ROOT / "tenants.yaml", ROOT)
    assert (config.tenant_query, config.ledger_schema, config.warnings) == (None, "public", ())


def test_example_in_the_hint() -> None:
    """The example that is offered where there is no file is a file that works."""
    config = parse_good(EXAMPLE)
    assert [(tenant.name, tenant.database) for tenant in config.tenants] == [("1", "tenant_1"), ("2", "tenant_2")]
    assert (config.master, config.master_migrations) == (None, None)


def test_full() -> None:
    """Every key has its effect."""
    config = read(DATA / "full.yaml", env=ENVIRONMENT)
    assert config.master_migrations == Path("/srv/migrations/master")
    assert config.ledger_schema == "bookkeeping"
    assert config.warnings == ()
    assert [(tenant.name, tenant.server.name, tenant.database, tenant.title) for tenant in config.tenants] == [
        ("1", "main", "studio_1_live", ""),
        ("north-2", "main", "studio_north-2_live", ""),
        ("16", "main", "studio_16_live", "Test Studio UI"),
        ("17", "eu-1", "studio 17", ""),
        ("18", "us", "studio_18_live", "1984"),
        ("19", "lab", "studio_19_live", ""),
    ]
    assert config.tenants[2].labels == (("tier", "internal"), ("beta", "true"), ("floor", "3"))


def test_references() -> None:
    """A reference stands for one value whatever characters it holds, or for a whole connection string."""
    from psycopg.conninfo import conninfo_to_dict

    config = read(DATA / "full.yaml", env=ENVIRONMENT)
    password = ENVIRONMENT["DB_PASSWORD"]
    dsns = {name: server.dsn for name, server in config.servers.items()}
    assert conninfo_to_dict(dsns["main"] or "") == {
        "host": "db1",
        "user": "deploy",
        "password": password,
        "application_name": "$studio",
    }
    assert conninfo_to_dict(dsns["eu-1"] or "") == {
        "host": "db2.example.org",
        "port": "5433",
        "user": "deploy",
        "password": password,
        "dbname": "postgres",
        "sslmode": "require",
    }
    assert dsns["us"] == ENVIRONMENT["US_URL"]
    assert dsns["lab"] is None
    assert dsns["ref"] == "service=reference passfile=/etc/tenantry/passfile"


@pytest.mark.parametrize(
    ("env", "host"),
    [({"H": "db2"}, "db2"), ({"H": ""}, "db1"), ({}, "db1")],
    ids=["set", "empty", "unset"],
)
def test_default(env: Mapping[str, str], host: str) -> None:
    """The default of a reference counts where the variable is unset or empty."""
    config = parse_good("servers: {main: 'host=${H:-db1}'}\n" + TENANTS + LIST, env)
    assert config.servers["main"].dsn == f"host={host}"


def test_anchors() -> None:
    """Aliases and merge keys are followed; what a mapping says itself wins over what is merged into it."""
    config = read(DATA / "anchors.yaml", env={})
    assert [(t.name, t.server.name, t.title, t.labels) for t in config.tenants] == [
        ("1", "eu", "", (("tier", "gold"),)),
        ("2", "eu", "", (("tier", "gold"),)),
        ("3", "main", "Third", (("tier", "gold"),)),
        ("4", "main", "", (("tier", "gold"),)),
    ]


def test_as_written() -> None:
    """An id is what was written, whatever YAML 1.1 makes of it."""
    config = read(DATA / "as_written.yaml", env={})
    written = ["07", "010", "1_000", "0x1F", "1e3", "2001-01-01", "no", "on", "y", "true", "null"]
    assert [tenant.name for tenant in config.tenants] == written
    assert [tenant.database for tenant in config.tenants] == [f"tenant_{name}" for name in written]


def test_embedded_is_cheap() -> None:
    """No driver is loaded for a file whose servers are embedded."""
    code = (
        "import sys, pathlib, tenantry.config.reading\n"
        "tenantry.config.reading.read(pathlib.Path('tenants.yaml'), env={})\n"
        "print([name for name in ('psycopg', 'yoyo', 'rich', 'structlog', 'difflib') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_absent(tmp_path: Path) -> None:
    """Where a file was named and there is none, the hint says how to name another, and creates no tenants.yaml."""
    assert refuse_file(tmp_path / "none.yaml") == [
        "tenants.yaml: not found, expected a file | name a file with --config"
    ]


def test_folder(tmp_path: Path) -> None:
    """A folder is no file."""
    assert refuse_file(tmp_path) == ["tenants.yaml: a folder, expected a file | name a file with --config"]


def test_unreadable(tmp_path: Path) -> None:
    """A file that the system will not read is named with the system's reason."""
    path = tmp_path / "loop.yaml"
    path.symlink_to(path)
    reason = os.strerror(errno.ELOOP)
    assert refuse_file(path) == [f"tenants.yaml: unreadable ({reason}), expected a file | name a file with --config"]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["main", "${X}", "{id}", "1", "01"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "servers",
                    "master",
                    "tenants",
                    "ledger",
                    "list",
                    "query",
                    "id",
                    "server",
                    "database",
                    "main",
                    "labels",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(
    st.text()
    | st.text("[]{}:,-?&*!|>'\"%#~<a1 \n\t\r\x85\u2028")
    | VALUES.map(yaml.safe_dump)
    | VALUES.map(lambda value: SERVERS + yaml.safe_dump({"tenants": value}))
)
def test_no_other_error(text: str) -> None:
    """Any text is a Config or a ConfigError that says where, and nothing else."""
    said = ["tenants.yaml:"]
    try:
        parse(text, path=PATH, env={"X": "embedded"})
    except ConfigError as error:
        said = say(error)
    assert said
    assert all(message.startswith("tenants.yaml:") for message in said)
