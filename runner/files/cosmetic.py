"""Whether a file edited after it ran is still the same: to PostgreSQL, and to tenantry by its header."""

from dataclasses import replace

from tenantry import sqltext
from tenantry.files.header import Header, parse_header
from tenantry.model import Directives


def is_cosmetic(before: str, after: str) -> bool:
    """Return whether two normalised texts differ only in white space and in comments for people.

    The keys of the header count: with another timeout, a file runs in another way. `replaces` and `lint` do not affect
    how a file runs, so they do not count: the danger that a line allows was in the file before.
    """
    if not sqltext.same_tokens(before, after):
        return False
    (one, wrong), (other, wrong_too) = parse_header(before), parse_header(after)
    # A header for an earlier version of tenantry may no longer be readable: then nobody knows its meaning.
    return not wrong and not wrong_too and _without_places(one) == _without_places(other)


def _without_places(header: Header) -> Header:
    """Return a header as if all its keys stood on the same line."""
    asked = header.directives
    plain = Directives(
        lock_timeout_ms=asked.lock_timeout_ms,
        statement_timeout_ms=asked.statement_timeout_ms,
        require=tuple(replace(assertion, line=0) for assertion in asked.require),
        ensure=tuple(replace(assertion, line=0) for assertion in asked.ensure),
        batch=asked.batch,
    )
    return replace(header, directives=plain)
