"""`database`: a project of one database, in place of servers and tenants."""

import pytest

from tenantry.config.model import Config
from tenantry.model.tenants import SINGLE
from tests.unit.config.cases import Said, parse_good, refuse

URL = {"DATABASE_URL": "postgresql://deploy@db1/live"}


def tell(config: Config) -> tuple[str, str | None, str]:
    """Return the id, the server's connection string and the database of the only tenant."""
    (tenant,) = config.tenants
    assert (config.single, config.master, tenant.server) == (True, None, config.servers["main"])
    return tenant.name, tenant.server.dsn, tenant.database


def test_short_form() -> None:
    """A connection string alone names server and database; the database is not one of the server's own any more."""
    config = parse_good("database: ${DATABASE_URL}", URL)
    assert tell(config) == (SINGLE, "user=deploy host=db1", "live")
    assert config.tenant_migrations == config.root / "migrations"


NAMES = {
    "of the connection string": ("{name: local}", URL, "live"),
    "of the file": ("{dsn: embedded, name: local}", {}, "local"),
    "by default embedded": ("{dsn: '${DATABASE_URL:-embedded}', name: local}", {}, "local"),
    "by default embedded, and set": ("{dsn: '${DATABASE_URL:-embedded}', name: local}", URL, "live"),
    "of another server for this run": (
        "{dsn: embedded, name: local}",
        {"TENANTRY_SERVER_MAIN": "dbname=other"},
        "other",
    ),
}


@pytest.mark.parametrize(("text", "env", "database"), NAMES.values(), ids=NAMES)
def test_name(text: str, env: dict[str, str], database: str) -> None:
    """The connection string names the database, and the file where it names none."""
    assert tell(parse_good(f"database: {text}", env))[2] == database


def test_keys_of_a_server() -> None:
    """The keys of a server and of a tenant stand in the same mapping."""
    text = "{dsn: 'dbname=a', lock-timeout: 3s, environment: production, role: owner, migrations: sql}"
    config = parse_good(f"database: {text}")
    (tenant,) = config.tenants
    assert (tenant.server.lock_timeout_ms, tenant.server.environment, tenant.role) == (3000, "production", "owner")
    assert config.tenant_migrations.name == "sql"


KEYS = (
    "one of dsn, direct, lock-timeout, password-command, password-ttl, environment, connections, name, ... (10 in all)"
)
REFUSED: dict[str, tuple[str, Said]] = {
    "no name": (
        "database: host=h",
        [
            "tenants.yaml:1:11: database: no database, expected its name in the connection string"
            " | write dbname=NAME, or the key name, which counts where the connection string names none"
        ],
    ),
    "a list": (
        "database: []",
        [
            "tenants.yaml:1:11: database: a list, expected a connection string, or a mapping with dsn,"
            " name and migrations"
        ],
    ),
    "unknown key": (
        "database:\n  dsn: dbname=a\n  nmae: a",
        [f"tenants.yaml:3:3: database: unknown key 'nmae', expected {KEYS} | did you mean 'name'?"],
    ),
    "with servers": (
        "database: dbname=a\nservers: {main: embedded}",
        ["tenants.yaml:2:1: servers together with database, expected one or the other"],
    ),
    "not set": (
        "database:\n  dsn: ${DATABASE_URL}",
        [
            "tenants.yaml:2:8: database.dsn: ${DATABASE_URL} not set, expected a value in the environment"
            " | set it, or give a whole connection string in TENANTRY_SERVER_MAIN or with --server main=..."
        ],
    ),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_refused(text: str, said: Said) -> None:
    """A mistake is told where it stands, in the words of the file."""
    assert refuse(text) == said


FOREIGN = {
    "$DATABASE_URL": "write ${DATABASE_URL}",
    "jdbc:postgresql://db1/a": "remove jdbc: at the start",
    "postgresql+psycopg://db1/a": "remove +psycopg",
    "postgresql://db1/a?schema=public": "remove the parameter schema, which libpq does not know",
    "$(DATABASE_URL)": "write ${DATABASE_URL}",
    "%DATABASE_URL%": "write ${DATABASE_URL}",
    "{{ DATABASE_URL }}": "write ${DATABASE_URL}",
    "mysql://root@db1/a": "name a PostgreSQL server: tenantry works with no other",
    "postgres//db1/a": "start it with postgresql://",
    "postgresql://u:hunter@2@db1/a": "write an @ in a password as %40, or keep the password in a variable",
    "postgresql://u:hunter%2@db1/a": "write a % in a password as %25, or keep the password in a variable",
    "localhost:5433": "write host=NAME, and port=NUMBER unless it is 5432",
    "db1.example.org": "write host=NAME, and port=NUMBER unless it is 5432",
    "Host=db1;Database=a": "separate its parts with spaces instead of semicolons",
    "host=db1 pwd=x": "did you mean 'password'?",
    "host=db1 prot=5433": "did you mean 'port'?",
}


@pytest.mark.parametrize(("dsn", "hint"), FOREIGN.items(), ids=FOREIGN)
def test_connection_strings_of_other_programs(dsn: str, hint: str) -> None:
    """A connection string as other programs write it is answered with the change that it needs."""
    message = "malformed connection string, expected embedded, key=value pairs or a postgresql:// URL"
    assert refuse(f"database: '{dsn}'") == [f"tenants.yaml:1:11: database: {message} | {hint}"]
