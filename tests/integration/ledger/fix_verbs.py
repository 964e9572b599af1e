"""The verbs that only read, as the tests of the ledger call them."""

from typing import Any

# Each with the options that it cannot do without.
READING: dict[str, dict[str, Any]] = {
    "status": {},
    "plan": {"to": None},
    "verify": {},
    "log": {"version": None, "sql": False},
    "tenants": {},
    "migrate": {"to": None, "out_of_order": (), "dry_run": True, "no_verify": False, "full": False},
    "mark": {"version": 1, "dry_run": True, "force": True},
}
