"""A scratch database is what tenants are before the first file: with the settings and objects of tenants.yaml."""

from pathlib import Path

import pytest

from tenantry.model.errors import Refused
from tenantry.postgres.sessions import Settings
from tenantry.scratch.places import ScratchPlace
from tenantry.scratch.preparation import NOTHING_MORE, Preparation


class TestDescribe:
    def test_nothing(self) -> None:
        """Without a preparation, kept results are found as before."""
        assert NOTHING_MORE.describe() == ()

    def test_differs(self) -> None:
        """Each setting and the text of the file count."""
        ways = (
            Preparation((("a", "b"),)),
            Preparation((("a", "c"),)),
            Preparation(before="SELECT 1"),
            Preparation((("a", "b"),), "SELECT 1"),
        )
        assert len({way.describe() for way in ways}) == len(ways)


class TestPrepared:
    def test_settings(self, server_dsn: str, tmp_path: Path) -> None:
        """The settings hold in the session that runs files, also after RESET ALL, and the SQL ran with them."""
        preparation = Preparation((("search_path", 'app, "$user", public'), ("work_mem", "5MB")), "CREATE SCHEMA app;")
        place = ScratchPlace(tmp_path, Settings("tenantry/test"), server_dsn, preparation=preparation)
        with place.open_embedded() as scratch:
            scratch.connection.execute("SET work_mem = '9MB'; RESET ALL; CREATE TABLE rooms (id int)")
            found = scratch.connection.execute("SELECT current_schemas(false), current_setting('work_mem')").fetchone()
            assert found == (["app", "public"], "5MB")

    @pytest.mark.parametrize(
        ("preparation", "message"),
        [
            (
                Preparation((("search_pat", "x"),)),
                'scratch.settings in tenants.yaml: search_pat: unrecognized configuration parameter "search_pat"',
            ),
            (
                Preparation(before="SELCT 1"),
                'scratch.before in tenants.yaml: syntax error at or near "SELCT" (SQLSTATE 42601)',
            ),
        ],
        ids=["setting", "before"],
    )
    def test_wrong(self, server_dsn: str, tmp_path: Path, preparation: Preparation, message: str) -> None:
        """A setting that does not exist and SQL that fails are refused, with their key."""
        place = ScratchPlace(tmp_path, Settings("tenantry/test"), server_dsn, preparation=preparation)
        with pytest.raises(Refused) as refused, place.open_embedded():
            pass
        assert str(refused.value) == message
