"""Databases that are created for a tenant, and no other ones."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tenantry.model import Server, SetName, Tenant
from tenantry.model.errors import Refused, Unreachable
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import make_sessions, make_tenant


class TestCreateDatabase:
    def test_two_at_once(self, database: MakeDatabase) -> None:
        """Any number of runners may create a database at once: none fails, and there it is."""
        for dsn in [database() for _ in range(3)]:
            self.drop(dsn)
            tenant, sessions = make_tenant(dsn), make_sessions(make_conninfo(dsn, dbname="postgres"))
            with ThreadPoolExecutor(2) as pool:
                made = list(pool.map(sessions.create_database, [tenant, tenant]))
            assert any(made)
            assert sessions.exists(tenant)

    def test_there_before(self, database: MakeDatabase) -> None:
        """A database that is there is not created, and what is missing is something else."""
        dsn = database()
        server = make_conninfo(dsn, dbname="postgres")
        assert make_sessions(server).create_database(make_tenant(dsn)) is False

    def test_name_quoted(self, database: MakeDatabase) -> None:
        """The database has the name that it was given, whatever has to be quoted."""
        server = make_conninfo(database(), dbname="postgres")
        name = f'Studio "{conninfo_to_dict(database())["dbname"]}" 17'
        tenant = Tenant("1", SetName.TENANT, Server("main", server), name)
        try:
            assert make_sessions(server).create_database(tenant)
            with make_sessions(server).connect(tenant) as connection:
                assert connection.info.dbname == name
        finally:
            self.drop(make_conninfo(server, dbname=name))

    def test_not_allowed(self, database: MakeDatabase) -> None:
        """A role that may not create databases is told so, with the SQL that allows it or does it."""
        dsn = database()
        name = str(conninfo_to_dict(dsn)["dbname"])
        self.drop(dsn)
        with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as beside:
            beside.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
            try:
                with pytest.raises(Refused) as caught:
                    make_sessions(make_conninfo(dsn, dbname="postgres", user=name)).create_database(make_tenant(dsn))
            finally:
                beside.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
        said = f"server 'main': the database {name!r} cannot be created: permission denied to create database"
        assert str(caught.value) == said
        assert caught.value.hint == (
            f"as a superuser: ALTER ROLE {name} CREATEDB; or create it yourself: CREATE DATABASE {name} OWNER {name};"
        )

    def test_not_for_another(self, database: MakeDatabase) -> None:
        """A role that may not create databases for the role of its tenant is told how to become its member."""
        dsn = database()
        name = str(conninfo_to_dict(dsn)["dbname"])
        self.drop(dsn)
        tenant = replace(make_tenant(dsn), role=f"{name}_owner")
        with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as beside:
            beside.execute(f"CREATE ROLE {name} LOGIN CREATEDB; CREATE ROLE {name}_owner")
            sessions = make_sessions(make_conninfo(dsn, dbname="postgres", user=name))
            try:
                with pytest.raises(Refused) as caught:
                    sessions.create_database(tenant)
                grant = caught.value.hint.removeprefix("as a superuser: ").partition(" or ")[0]
                assert grant == f"GRANT {name}_owner TO {name};"
                beside.execute(grant)
                assert sessions.create_database(tenant)
                self.drop(dsn)
            finally:
                beside.execute(f"DROP ROLE {name}, {name}_owner")

    def test_no_server(self, tmp_path: Path) -> None:
        """Where the server does not answer, nobody knows whether the database exists."""
        dsn = f"host={tmp_path} dbname=studio"
        assert make_sessions(dsn).exists(make_tenant(dsn)) is None
        with pytest.raises(Unreachable):
            make_sessions(dsn).create_database(make_tenant(dsn))

    @staticmethod
    def drop(dsn: str) -> None:
        """Drop the database of a connection string."""
        name = str(conninfo_to_dict(dsn)["dbname"])
        with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
