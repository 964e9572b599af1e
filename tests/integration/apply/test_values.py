"""A file reads the values of its tenant with current_setting, however it runs, and is the same text for all."""

from pathlib import Path

import pytest

from tests.integration.fix_site import MakeSite, Site

READ = """\
INSERT INTO read SELECT CAST(current_setting('tenantry.tenant') AS integer), current_setting('tenantry.database'),
    current_setting('tenantry.set'), current_setting('tenantry.label_region');
"""
MADE = "CREATE TABLE read (tenant integer, database text, set text, region text);\n"


def label(site: Site, **regions: str) -> None:
    """Give tenants of a site a label."""
    path = Path(site.folder / "tenants.yaml")
    text = path.read_text("utf-8")
    for tenant, region in regions.items():
        entry = f"{{id: {tenant.removeprefix('_')},"
        text = text.replace(entry, f"{entry} labels: {{region: {region}}},")
    path.write_text(text, "utf-8")


@pytest.mark.parametrize("header", ["", "-- transactional: false\n"], ids=["transactional", "not"])
def test_read(any_site: MakeSite, header: str) -> None:
    """Each tenant's own values, with the characters that they have, even after a file that sets and resets them."""
    reset = "SET tenantry.tenant = '99'; RESET ALL;\n"
    here = any_site(
        {"0001_made.sql": MADE, "0002_reset.sql": reset, "0003_read.sql": header + READ}, tenants=("1", "2")
    )
    label(here, _1="'eu \\ west ''1'''", _2="us")
    assert here.migrate().exit_code == 0
    regions = {"1": "eu \\ west '1'", "2": "us"}
    read = {name: here.query("SELECT * FROM read", name) for name in regions}
    assert read == {name: [(int(name), here.databases[name], "tenant", regions[name])] for name in regions}


def test_replayed(site: MakeSite) -> None:
    """Where files are replayed, the values of the first tenant stand in: the proof and lint run as everywhere."""
    guard = "DO $$ BEGIN ASSERT current_setting('tenantry.label_region') IN ('eu', 'us'); END $$;\n"
    here = site({"0001_made.sql": MADE, "0002_read.sql": READ + guard}, tenants=("1", "2"))
    label(here, _1="eu", _2="us")
    assert here.call("migrate", to=None, out_of_order=()).exit_code == 0
    assert here.call("verify").exit_code == 0
    assert here.query("SELECT region FROM read", "2") == [("us",)]
