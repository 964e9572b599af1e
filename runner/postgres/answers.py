"""The answers of a server to queries that only read: values in words, or the reason why there are none."""

import psycopg

from tenantry.postgres.failures import FailureKind, classify
from tenantry.postgres.sessions import Connection

TIMEOUT_S = 30  # arbitrary: a page of an application that takes longer is broken as well
_CANCELLED = "57014"
# Types by their number in every server's catalog: their values are shown without quotes.
BOOLEAN, _NUMBERS = 16, frozenset({20, 21, 23, 700, 701, 1700})


def show_value(value: bytes | None, type_number: int) -> str:
    """Return a value of an answer, as the server sent it, in words."""
    if value is None:
        return "null"
    if type_number == BOOLEAN:
        return "true" if value == b"t" else "false"
    text = value.decode("utf-8", "replace")
    return text if type_number in _NUMBERS else repr(text)


def explain_error(error: psycopg.Error, connection: Connection, elapsed_s: float) -> str:
    """Return the server's error about a query; raise the error if the query did not cause it.

    `elapsed_s` is its run time: a query that is cut off after TIMEOUT_S is at fault, one cancelled before is not.
    """
    kind = classify(error, connection)
    if error.sqlstate is None or kind is FailureKind.LOST or (kind is FailureKind.CANCELLED and elapsed_s < TIMEOUT_S):
        raise error  # the connection is gone, or the run was cancelled
    # Cancelled, and not by us: the only other one who cancels is statement_timeout, which is TIMEOUT_S here.
    if error.sqlstate == _CANCELLED:
        return f"ran for more than {TIMEOUT_S} s, expected an answer"
    return f"{error.diag.message_primary} (SQLSTATE {error.sqlstate})"
