"""The values of rows in errors: left out of whatever is kept or passed on."""

import pytest

from tenantry.model.events import MigrationFailed, MigrationRetried, TenantStarted
from tenantry.model.masking import mask, mask_values
from tenantry.model.results import Failure
from tests.builders import migration

MASKED = {
    "a key": ("23505", "Key (email)=(ann@example.org) already exists.", "Key (email)=(...) already exists."),
    "a key of two": ("23503", "Key (a, b)=(1, (x)) is still referenced.", "Key (a, b)=(...) is still referenced."),
    "a row": ("23514", "Failing row contains (1, ann@example.org, null).", "Failing row contains (...)."),
    "lines": ("23505", "Key (note)=(one\ntwo) already exists.", "Key (note)=(...) already exists."),
    "an unknown form": ("23505", "Schlüssel »ann@example.org« existiert bereits.", ""),
    "no constraint": ("42P01", "held by (pid 1)", "held by (pid 1)"),
}


@pytest.mark.parametrize(("sqlstate", "detail", "masked"), MASKED.values(), ids=MASKED)
def test_mask_values(sqlstate: str, detail: str, masked: str) -> None:
    """The values go and the columns stay; what is not understood goes as a whole."""
    assert mask_values(Failure("m", sqlstate, detail=detail)) == Failure("m", sqlstate, detail=masked)


def test_mask() -> None:
    """Every event that carries a failure is masked, and any other is left as it is."""
    seen = Failure("m", "23505", detail="Key (id)=(7) already exists.")
    masked = Failure("m", "23505", detail="Key (id)=(...) already exists.")
    file = migration()
    assert mask(MigrationFailed("1", file, seen)) == MigrationFailed("1", file, masked)
    assert mask(MigrationRetried("1", file, seen, 1, 2)) == MigrationRetried("1", file, masked, 1, 2)
    assert mask(TenantStarted("1")) == TenantStarted("1")
