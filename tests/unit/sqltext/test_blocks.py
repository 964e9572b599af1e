"""The place in a DO block that the context of a server's error names."""

import pytest

from tenantry.sqltext import find_in_block

CONTEXT = "PL/pgSQL function inline_code_block line {} at PERFORM"
BLOCK = "DO $$\nBEGIN\n  PERFORM 1;\n\tPERFORM 1/0;\nEND $$"


@pytest.mark.parametrize(
    ("text", "context", "found"),
    [
        (BLOCK, CONTEXT.format(3), "PERFORM 1;"),
        (BLOCK, CONTEXT.format(4), "PERFORM 1/0;"),
        (BLOCK, f"PL/pgSQL function f() line 9 at RAISE\n{CONTEXT.format(4)}", "PERFORM 1/0;"),
        (BLOCK, "PL/pgSQL-Funktion inline_code_block Zeile 4 bei PERFORM", "PERFORM 1/0;"),
        ("DO LANGUAGE plpgsql $x$ BEGIN PERFORM 1/0; END $x$", CONTEXT.format(1), "BEGIN PERFORM"),
        ("DO 'BEGIN\nPERFORM 1/0; END'", CONTEXT.format(2), "PERFORM 1/0;"),
        (BLOCK, CONTEXT.format(99), "DO"),
        (BLOCK, "", "DO"),
        (BLOCK, "PL/pgSQL function f() line 3 at RAISE", "DO"),
        ("SELECT f()", CONTEXT.format(2), "SELECT"),
    ],
)
def test_line(text: str, context: str, found: str) -> None:
    """It is the first word of the line that failed; the start of the statement where no line is named."""
    assert text[find_in_block(text, context) :].startswith(found)
