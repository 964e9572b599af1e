"""What a proof costs: how often the catalog is read, and the files are replayed."""

import pytest

from tenantry.model.results import Result
from tenantry.model.scope import Scope
from tenantry.postgres.sessions import Connection
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.snapshot import Snapshot
from tests.integration.proof.fix_proven import DESKS, ROOMS, MakeProven

# Whatever a statement changes in a database leaves another row version here.
CATALOG = " UNION ALL ".join(
    f"SELECT '{table}', CAST(xmin AS text), CAST(ctid AS text) FROM pg_catalog.{table}"
    for table in ("pg_class", "pg_namespace", "pg_attribute", "pg_proc", "pg_constraint", "pg_description", "pg_type")
)


class TestCost:
    def test_fingerprint_first(self, proven: MakeProven, monkeypatch: pytest.MonkeyPatch) -> None:
        """A snapshot is read only of a tenant whose fingerprint is another one."""
        here = proven(ROOMS, tenants=("1", "2", "3"))
        read: list[str] = []

        def read_and_note(connection: Connection, scope: Scope) -> Snapshot:
            read.append(connection.info.dbname)
            return read_snapshot(connection, scope)

        monkeypatch.setattr("tenantry.proof.prover.read_snapshot", read_and_note)
        assert here.verify().exit_code == 0
        assert read == []
        here.site.query("ALTER TABLE rooms DROP fee", "2")
        assert here.verify().results == {"1": Result.OK, "2": Result.FINDING, "3": Result.OK}
        assert read == [here.site.databases["2"]]

    def test_replayed_once(self, proven: MakeProven) -> None:
        """Files are replayed once for all tenants, and not again by the next run."""
        here = proven(ROOMS, tenants=("1", "2"))
        assert here.verify().exit_code == 0
        here.close_place()
        assert here.verify().results == {"1": Result.OK, "2": Result.OK}

    def test_no_trace(self, proven: MakeProven) -> None:
        """Proving changes no row of any catalog, of the ledger, nor what is in the tables, found or not."""
        here = proven(ROOMS | DESKS, tenants=("1", "2"))
        here.site.query("ALTER TABLE rooms DROP fee; INSERT INTO rooms VALUES (1, 'one')", "2")
        (here.site.folder / "migrations" / "checks").mkdir()
        here.site.write({"checks/a.sql": "SELECT price FROM rooms;\nINSERT INTO rooms VALUES (2, 'two');\n"})
        seen = f"{CATALOG} UNION ALL SELECT 'row', CAST(xmin AS text), CAST(m AS text) FROM _migrations AS m "
        before = [sorted(here.site.query(seen, tenant)) for tenant in ("1", "2")]
        assert here.verify().results == {"1": Result.FINDING, "2": Result.FINDING}
        assert [sorted(here.site.query(seen, tenant)) for tenant in ("1", "2")] == before
        assert here.site.query("SELECT id FROM rooms", "2") == [(1,)]
