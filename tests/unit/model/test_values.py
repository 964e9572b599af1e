"""Values of tenants: what sessions have as settings, and what stands for them where no tenant is."""

from dataclasses import replace

from tenantry.model import Server, SetName, Tenant
from tenantry.model.values import StandIns, list_values, make_stand_ins
from tests.builders import migration

TENANT = Tenant("16", SetName.TENANT, Server("main", ""), "studio_16", labels=(("my-Tier", "internal"),))


def test_values_of_a_tenant() -> None:
    """A tenant's values are its id, database and set, and each label by a name that the server accepts."""
    assert list_values(TENANT) == (
        ("tenantry.tenant", "16"),
        ("tenantry.database", "studio_16"),
        ("tenantry.set", "tenant"),
        ("tenantry.label_my_tier", "internal"),
    )


def test_stand_ins_are_real_values() -> None:
    """The first tenant stands in, with the labels of those after it that it lacks."""
    other = replace(TENANT, name="17", labels=(("my-Tier", "live"), ("region", "eu")))
    values = dict(make_stand_ins((TENANT, other), "tenant_{id}", ()).values)
    assert values["tenantry.tenant"] == "16"
    assert values["tenantry.label_my_tier"] == "internal"
    assert values["tenantry.label_region"] == "eu"


def test_stand_ins_without_tenants() -> None:
    """Where no tenant is known, the files say which labels there are."""
    texts = ["SELECT current_setting('tenantry.label_region'), current_setting('tenantry.label_Region')"]
    assert make_stand_ins((), "tenant_{id}", texts).values == (
        ("tenantry.tenant", "1"),
        ("tenantry.database", "tenant_1"),
        ("tenantry.set", "tenant"),
        ("tenantry.label_region", "1"),
    )


def test_only_readers_depend_on_stand_ins() -> None:
    """A state depends on the stand-ins only if a file reads one."""
    stand_ins = StandIns((("tenantry.tenant", "1"),))
    reads = migration(sql="SELECT current_setting('Tenantry.tenant');\n")
    assert stand_ins.describe([migration(sql="SELECT 1;\n")]) == ()
    assert stand_ins.describe([reads]) == ('[["tenantry.tenant", "1"]]',)
