"""The changes of rows in DO blocks, as they stand there."""

import pytest

from tenantry.sqltext.bodies import read_block
from tenantry.sqltext.library import read_tree

BLOCKS = {
    "one": ("DO $$ BEGIN UPDATE a SET b = 1; END $$", [("UPDATE a SET b = 1", True)]),
    "in a branch": (
        "DO $$ BEGIN IF true THEN DELETE FROM a; ELSE INSERT INTO a VALUES (1); END IF; END $$",
        [("DELETE FROM a", True), ("INSERT INTO a VALUES (1)", True)],
    ),
    "of a variable": (
        "DO $x$ DECLARE n int := 1; BEGIN UPDATE a SET b = n WHERE id = n; END $x$",
        [("UPDATE a SET b = n WHERE id = n", False)],
    ),
    "with words in texts": ("DO $$ BEGIN RAISE NOTICE 'x; update a set b = 1; '; END $$", []),
    "locking": ("DO $$ BEGIN PERFORM 1 FROM a FOR UPDATE; END $$", []),
    "an upsert": (
        "DO $$ BEGIN INSERT INTO a VALUES (1) ON CONFLICT (b) DO UPDATE SET b = 2; END $$",
        [("INSERT INTO a VALUES (1) ON CONFLICT (b) DO UPDATE SET b = 2", True)],
    ),
    "without an end": ("DO 'BEGIN DELETE FROM a'", [("DELETE FROM a", True)]),
}


@pytest.mark.parametrize("case", BLOCKS)
def test_block(case: str) -> None:
    """Each change is found where it stands, and it is said whether it could run by itself."""
    text, expected = BLOCKS[case]
    found = list(read_block(text, read_tree(text)[1]))
    assert [(inner.text, inner.whole) for inner in found] == expected
    assert all(text[inner.start :].startswith(inner.text) for inner in found)


@pytest.mark.parametrize(
    ("executed", "expected"),
    [
        ("EXECUTE 'DELETE FROM a WHERE b = ''x''';", ["DELETE FROM a WHERE b = 'x'"]),
        ("EXECUTE $x$DELETE FROM a$x$;", ["DELETE FROM a"]),
        ("EXECUTE 'ALTER TABLE a ADD b int';", []),
        ("EXECUTE 'DELETE FROM ' || b;", []),
        ("EXECUTE format('DELETE FROM %I', b);", []),
        ("EXECUTE 'DELETE FROM a WHERE b = $1' USING 5;", []),
    ],
)
def test_executed(executed: str, expected: list[str]) -> None:
    """A change that an EXECUTE has in quotes is read, unless something is put into it."""
    text = f"DO $$ BEGIN {executed} END $$"
    assert [inner.text for inner in read_block(text, read_tree(text)[1])] == expected
