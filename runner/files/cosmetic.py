"""Whether a file that was edited after it ran is still the same: to PostgreSQL, and to the runner by its header."""

from dataclasses import replace

from tenantry import sqltext
from tenantry.files.header import Header, parse_header
from tenantry.model import Directives


def is_cosmetic(before: str, after: str) -> bool:
    """Return whether two normalised texts differ in white space and in comments that are for people alone.

    What the header says to the runner counts: with another timeout, a file runs in another way. `replaces` says nothing
    of how it runs.
    """
    if not sqltext.same_tokens(before, after):
        return False
    (one, wrong), (other, wrong_too) = parse_header(before), parse_header(after)
    # A header of an earlier version of the runner may not be readable any more: then nobody knows what it meant.
    return not wrong and not wrong_too and _without_places(one) == _without_places(other)


def _without_places(header: Header) -> Header:
    """Return a header as if all its keys stood on the same line."""
    asked = header.directives
    plain = Directives(
        lock_timeout_ms=asked.lock_timeout_ms,
        statement_timeout_ms=asked.statement_timeout_ms,
        allowed=tuple(replace(allowance, line=0) for allowance in asked.allowed),
        require=tuple(replace(assertion, line=0) for assertion in asked.require),
        ensure=tuple(replace(assertion, line=0) for assertion in asked.ensure),
        batch=asked.batch,
    )
    return replace(header, directives=plain)
