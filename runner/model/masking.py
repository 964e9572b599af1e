"""Values of rows in the errors of a server: personal data, which leave it only where somebody wants to see them."""

import re
from dataclasses import replace

from tenantry.model.events import Event, MigrationFailed, MigrationRetried
from tenantry.model.results import Failure

# The class of constraints. The values stand in brackets, after the columns or alone.
_INTEGRITY = "23"
_VALUES = re.compile(r"(=|contains )\(.*\)", re.DOTALL)


def mask(event: Event) -> Event:
    """Return an event without the values of rows, for whatever is kept or passed on."""
    match event:
        case MigrationFailed() | MigrationRetried():
            return replace(event, failure=mask_values(event.failure))
        case _:
            return event


def mask_values(failure: Failure) -> Failure:
    """Return a failure whose detail has the columns of a row, and not its values.

    A detail whose form is not known, as in another language, is left out as a whole.
    """
    if not failure.sqlstate.startswith(_INTEGRITY):
        return failure
    masked, found = _VALUES.subn(r"\1(...)", failure.detail)
    return replace(failure, detail=masked if found else "")
