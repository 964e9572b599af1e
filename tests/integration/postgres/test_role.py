"""`role`: each session works as the tenant's role from its start, and all that it creates has the right owner."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from tenantry.model.results import Result
from tests.integration.fix_site import MakeSite, Site, lend_role

FILES = {
    "0001_rooms.sql": "CREATE TABLE rooms (id integer);\nRESET ROLE;\n",
    "0002_beds.sql": "-- transactional: false\nCREATE TABLE beds (id integer);\n",
    "0003_seats.sql": "CREATE TABLE seats AS SELECT current_user AS owner;\nRESET SESSION AUTHORIZATION;\n",
}
OWNERS = """
SELECT DISTINCT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class
WHERE relnamespace = CAST('public' AS regnamespace) AND relkind = 'r'
"""


def use(site: Site, role: str) -> None:
    """Give all tenants of a site a role."""
    path = Path(site.folder / "tenants.yaml")
    text = path.read_text("utf-8").replace("  server: main\n", f"  server: main\n  role: {role}\n")
    path.write_text(text, "utf-8")


@pytest.fixture
def owned(any_site: MakeSite) -> Iterator[tuple[Site, str]]:
    """Yield a site and the role that its tenant has."""
    here = any_site(FILES)
    with lend_role(here) as role:
        here.query(f"GRANT CREATE ON SCHEMA public TO {role}")
        use(here, role)
        yield here, role
        here.query(f"DROP OWNED BY {role} CASCADE")


def test_owner(owned: tuple[Site, str]) -> None:
    """Tables and ledger belong to the role, whatever files do to their session, and the next run agrees."""
    here, role = owned
    assert here.migrate().results == {"1": Result.APPLIED}
    assert here.query(OWNERS) == [(role,)]
    assert here.query("SELECT owner FROM seats") == [(role,)]
    assert here.migrate().results == {"1": Result.UP_TO_DATE}
    assert here.call("verify").exit_code == 0


def test_refused(owned: tuple[Site, str]) -> None:
    """A login that may not become the role, or a role that is not there, is a refused login, and nothing runs."""
    here, role = owned
    with lend_role(here) as login:
        here.query(f"GRANT CREATE ON SCHEMA public TO {login}")
        ran = replace(here, server=make_conninfo(here.server, user=login)).migrate()
        said = f"server 'main': login refused for '{login}' as role '{role}': "
        assert ran.results == {"1": Result.REFUSED}
        assert ran.verdict().reason.endswith(f'permission denied to set role "{role}"')
        assert ran.verdict().reason.startswith(said)
        assert ran.verdict().hint == (f"as a superuser: GRANT {role} TO {login}; or correct role in tenants.yaml")
        here.query(f"DROP OWNED BY {login}")
    path = here.folder / "tenants.yaml"
    path.write_text(path.read_text("utf-8").replace(f"role: {role}", "role: nobody_{id}"), "utf-8")
    verdict = here.migrate().verdict()
    assert "as role 'nobody_1'" in verdict.reason
    assert verdict.hint.startswith("as a superuser: CREATE ROLE nobody_1; GRANT nobody_1 TO ")
    assert not here.has("rooms")
