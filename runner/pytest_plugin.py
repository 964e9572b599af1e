"""A pytest plugin: the fixture `tenant_database` gives each test a database of its own with every migration.

pytest loads this module wherever tenantry is installed: all else is imported for a test that asks for a database.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tenantry.template import Template, TenantDatabase

_SERVER = "TENANTRY_TEST_SERVER"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings of the plugin to those that pytest reads from its file."""
    parser.addini("tenantry_config", "tenants.yaml of the project, from the root of the tests", default="tenants.yaml")
    parser.addini("tenantry_set", "set of migrations that a database gets: tenant or master", default="tenant")
    parser.addini("tenantry_server", f"connection string of a server for the databases; {_SERVER} wins", default="")


@pytest.fixture
def tenant_database(tenantry_template: "Template") -> "Iterator[TenantDatabase]":
    """Return a database with every migration, which no other test sees; it is dropped afterwards."""
    with tenantry_template.copy() as database:
        yield database


@pytest.fixture(scope="session")
def tenantry_template(pytestconfig: pytest.Config) -> "Iterator[Template]":
    """Return the proven template of this run. Its server runs as long as a process of the tests needs it."""
    from tenantry.model.errors import RunError
    from tenantry.model.tenants import SetName
    from tenantry.template import open_template

    wanted = pytestconfig.getini("tenantry_set")
    if wanted not in list(SetName):
        pytest.fail(f"tenantry_set: {wanted!r}, expected tenant or master", pytrace=False)
    path = Path(pytestconfig.rootpath, pytestconfig.getini("tenantry_config"))
    given = os.environ.get(_SERVER) or pytestconfig.getini("tenantry_server")
    with ExitStack() as stack:
        try:
            template = stack.enter_context(open_template(path, SetName(wanted), given))
        except RunError as error:
            problems = error.problems
        else:
            yield template
            return
    # Outside of the handler, or pytest would show the error once more, with its traceback.
    told = "\n".join(f"{one.message}\nhint: {one.hint}" if one.hint else one.message for one in problems)
    pytest.fail(f"tenantry: {told}", pytrace=False)
