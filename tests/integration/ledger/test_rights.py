"""The rights that reading and writing the ledger take, and the words for those that are missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tenantry.model.events import Verdict
from tenantry.model.results import Result
from tests.integration.fix_site import MakeSite, Site, lend_role

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int);\n"}
DESKS = {"0002_desks.sql": "CREATE TABLE desks (id int);\n"}


@contextmanager
def as_role(site: Site, *grants: str) -> Iterator[Site]:
    """Lend a role that has these rights and no other; give the site as that role sees it."""
    # As newer servers have it by themselves.
    site.query("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with lend_role(site) as name:
        for grant in grants:
            site.query(f"GRANT {grant} TO {name}")
        yield Site(site.folder, make_conninfo(site.server, user=name), site.databases, site.schema)


class TestRights:
    def test_no_table_may_be_made(self, any_site: MakeSite) -> None:
        """A role that may not make the tables is refused before its file runs, with the GRANT that helps."""
        here = any_site(ROOMS)
        with as_role(here) as seen:
            verdict = seen.migrate().verdict()
            role = str(conninfo_to_dict(seen.server)["user"])
            assert verdict == Verdict(
                Result.REFUSED,
                "public._migrations: cannot be created: permission denied for schema public",
                f"as the owner: GRANT CREATE, USAGE ON SCHEMA public TO {role};",
            )
            here.query(verdict.hint.removeprefix("as the owner: "))
            assert seen.migrate().results == {"1": Result.APPLIED}

    def test_ledger_may_not_be_read(self, any_site: MakeSite) -> None:
        """A role that may not read the ledger is refused, and not told that everything is pending."""
        here = any_site(ROOMS)
        here.migrate()
        with as_role(here) as seen:
            verdict = seen.migrate().verdict()
            role = str(conninfo_to_dict(seen.server)["user"])
            assert verdict == Verdict(
                Result.REFUSED,
                "public._migrations: permission denied for table _migrations",
                f"as the owner: GRANT SELECT ON public._migrations, public._migrations_log TO {role};",
            )
            here.query(verdict.hint.removeprefix("as the owner: "))
            assert seen.migrate().results == {"1": Result.UP_TO_DATE}

    def test_role_that_needs_quotes(self, site: MakeSite) -> None:
        """The GRANT in a hint names a role and a schema in quotes where SQL wants them."""
        here = site(ROOMS, schema="The Book")
        here.query('CREATE SCHEMA "The Book"')
        with as_role(here) as seen:
            role = str(conninfo_to_dict(seen.server)["user"])
            quoted = f"Ada's {role}"
            here.query(f'ALTER ROLE {role} RENAME TO "{quoted}"')
            try:
                named = replace(seen, server=make_conninfo(seen.server, user=quoted))
                for privilege in ("USAGE", "CREATE, USAGE"):
                    hint = named.migrate().verdict().hint
                    assert hint == f'as the owner: GRANT {privilege} ON SCHEMA "The Book" TO "{quoted}";'
                    here.query(hint.removeprefix("as the owner: "))
                assert named.migrate().verdict().reason.startswith("permission denied for schema public")
            finally:
                here.query(f'ALTER ROLE "{quoted}" RENAME TO {role}')

    def test_ledger_may_not_be_written(self, site: MakeSite) -> None:
        """A file whose row cannot be written is rolled back with it; reading is enough where nothing is pending."""
        here = site(ROOMS)
        here.migrate()
        with as_role(here, "SELECT ON _migrations", "CREATE ON SCHEMA public") as seen:
            assert seen.migrate().results == {"1": Result.UP_TO_DATE}
            here.write(DESKS)
            ran = seen.migrate()
        assert ran.verdict().reason.startswith("permission denied for table _migrations")
        assert ran.exit_code != 0
        assert not here.has("desks")
        assert here.states() == {1: "applied"}

    def test_schema_missing(self, site: MakeSite) -> None:
        """A schema for the ledger that does not exist is named, with the statement that makes it."""
        verdict = site(ROOMS, schema="book").migrate().verdict()
        assert verdict == Verdict(
            Result.REFUSED,
            "book._migrations: schema 'book' does not exist",
            'in this database: CREATE SCHEMA book; or set another schema under "ledger" in tenants.yaml',
        )
