"""Which changes of rows are alike but for their constants."""

import pytest

from tenantry.sqltext import find_calls, read_shape

SHAPES = {
    "INSERT INTO t VALUES (1, 'a''b', -5, NULL)": "INSERT INTO t VALUES (?)",
    "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y'),\n (3, E'a\\'b')": "INSERT INTO t (a, b) VALUES (?)",
    "UPDATE t SET a = 'x', b = NULL WHERE id IN (1, 2)": "UPDATE t SET a = ?, b = NULL WHERE id IN (?)",
    "DELETE FROM t WHERE id BETWEEN 1 AND 3": "DELETE FROM t WHERE id BETWEEN ? AND ?",
    'INSERT INTO "T 1" VALUES (t1.x2, nullable)': 'INSERT INTO "T 1" VALUES (t1.x2, nullable)',
}
NONE = [
    "SELECT 1",
    "ALTER TABLE t ADD COLUMN n int",
    "INSERT INTO t VALUES (1) -- x",
    "INSERT INTO t VALUES ($$a$$)",
    "DELETE FROM t WHERE 1 = 1",
    "UPDATE t SET a = 1 WHERE (1 < 2)",
    "DELETE FROM t WHERE id = 3 OR 1 = 1",
    "INSERT INTO t SELECT a FROM u LIMIT 5",
]


@pytest.mark.parametrize(("text", "shape"), SHAPES.items())
def test_shape(text: str, shape: str) -> None:
    """Constants and lists of them count as one; names, and words that a condition may hang on, stay."""
    assert read_shape(text) == shape


@pytest.mark.parametrize("text", NONE)
def test_no_shape(text: str) -> None:
    """Other statements have none, nor those in which a constant may decide whether a row is looked for."""
    assert read_shape(text) is None


def test_calls() -> None:
    """The names of functions are as catalogs have them."""
    shape = read_shape('INSERT INTO t VALUES (Now(), app.f(1), "G ""x"""(2))')
    assert shape
    assert find_calls(shape) == ['G "x"', "f", "now", "values"]
