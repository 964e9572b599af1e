"""Tenants from the rows of a query."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import pytest

from tenantry.config.rows import tenants_from_rows
from tenantry.model import Server, SetName, Tenant
from tenantry.model.errors import ConfigError
from tests.unit.config.cases import DATABASE, ID, MASTER, SERVERS, TENANTS, Said, parse_good, say

QUERY = SERVERS + MASTER + TENANTS + "  query: SELECT 1\n"
TENANT_KEYS = "id, name, database, server, labels, lock-timeout, role, pin, ... (9 in all)"
AT = "tenants.yaml:6:10: tenants.query"
Rows = Sequence[Mapping[str, object]]


def test_rows() -> None:
    """A row is a tenant in the same way as an entry of the list, in the order of the rows."""
    config = parse_good(QUERY)
    rows: Rows = [
        {"id": 16, "name": "Test", "database": "studio_16", "server": "main", "labels": {"tier": "gold", "floor": 3}},
        {"id": UUID(int=1), "name": None, "database": "studio {id}", "server": "main", "labels": None},
    ]
    main = Server("main", None)
    assert (config.tenants, config.tenant_query) == ((), "SELECT 1")
    assert tenants_from_rows(config, rows) == (
        Tenant("16", SetName.TENANT, main, "studio_16", "Test", (("tier", "gold"), ("floor", "3"))),
        Tenant(str(UUID(int=1)), SetName.TENANT, main, f"studio {UUID(int=1)}"),
    )
    assert tenants_from_rows(config, [{"id": 7}]) == (Tenant("7", SetName.TENANT, main, "tenant_7"),)


ROWS: dict[str, tuple[Rows, Said]] = {
    "none": ([], [f"{AT}: no rows, expected one for each tenant | select only the master with --tenants master"]),
    "columns": (
        [{"organization_id": 1, "databse": "x"}],
        [
            f"{AT}: unknown column 'organization_id', expected one of {TENANT_KEYS}",
            f"{AT}: unknown column 'databse', expected one of {TENANT_KEYS} | did you mean 'database'?",
            f"{AT}: no column 'id', expected one | write SELECT ... AS id",
        ],
    ),
    "values": (
        [
            {"id": None, "database": "a", "server": "main"},
            {"id": 2, "database": None, "server": "main"},
            {"id": 3.5, "database": 7, "server": "mian"},
            {"id": "a b", "database": b"b", "server": None},
            {"id": True, "database": "c", "server": "main"},
            {"id": "all", "database": "d", "server": "mian"},
        ],
        [
            f"{AT}: row 1: id: NULL, {ID}",
            f"{AT}: row 2: database: NULL, {DATABASE}",
            f"{AT}: row 3: id: '3.5', {ID}",
            f"{AT}: row 3: database: the number 7, {DATABASE}",
            f"{AT}: row 4: id: 'a b', {ID}",
            f"{AT}: row 4: database: a value of type bytes, {DATABASE}",
            f"{AT}: row 4: server: NULL, expected the name of a server",
            f"{AT}: row 5: id: the boolean true, {ID}",
            f"{AT}: row 6: id: 'all' is reserved, expected another id",
            f"{AT}: row 6: server: unknown server 'mian', expected main | did you mean 'main'?",
        ],
    ),
    "clashes": (
        [
            {"id": 1, "database": "a"},
            {"id": "01", "database": "b"},
            {"id": 2, "database": "a"},
            {"id": 3, "database": "rsm_master"},
        ],
        [
            f"{AT}: row 2: the same tenant is listed twice: 1 (row 1), 01 (row 2)",
            f"{AT}: row 4: database 'rsm_master' is used twice: master on 'main' (tenants.yaml), 3 on 'main' (row 4)",
            f"{AT}: row 3: database 'a' is used twice: 1 on 'main' (row 1), 2 on 'main' (row 3)",
        ],
    ),
}


@pytest.mark.parametrize(("rows", "said"), ROWS.values(), ids=ROWS)
def test_rows_refused(rows: Rows, said: Said) -> None:
    """What is wrong with rows is named by the place of the query and the number of the row, all at once."""
    with pytest.raises(ConfigError) as caught:
        tenants_from_rows(parse_good(QUERY), rows)
    assert say(caught.value) == said
