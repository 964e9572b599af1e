"""Every form of a statement that a migration must not hold, and what looks like one and is not."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry import sqltext
from tenantry.sqltext import FaultKind
from tests.unit.sqltext.samples import NEWER, STATEMENTS, find, locate

CONTROL = {
    "BEGIN": ("BEGIN", "begin work", "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY"),
    "START TRANSACTION": ("START TRANSACTION", "Start Transaction Read Only"),
    "COMMIT": ("COMMIT", "commit work", "COMMIT AND CHAIN", "COMMIT PREPARED 'x'"),
    "END": ("END", "END TRANSACTION"),
    "ROLLBACK": (
        "ROLLBACK",
        "ROLLBACK TO a",
        "ROLLBACK TO SAVEPOINT a",
        "ROLLBACK AND NO CHAIN",
        "ROLLBACK PREPARED 'x'",
    ),
    "ABORT": ("ABORT", "abort work"),
    "SAVEPOINT": ("SAVEPOINT a",),
    "RELEASE": ("RELEASE a", "RELEASE SAVEPOINT a"),
    "PREPARE TRANSACTION": ("PREPARE TRANSACTION 'x'", "prepare transaction E'x'"),
}

NOT_IN_TRANSACTION = {
    "CREATE INDEX CONCURRENTLY": (
        "CREATE INDEX CONCURRENTLY i ON t (a)",
        "create unique index concurrently if not exists i on t (a) where a > 0",
        "CREATE INDEX CONCURRENTLY ON t (a)",
    ),
    "DROP INDEX CONCURRENTLY": ("DROP INDEX CONCURRENTLY i", "DROP INDEX CONCURRENTLY IF EXISTS i"),
    "REINDEX TABLE CONCURRENTLY": ("REINDEX TABLE CONCURRENTLY t", "REINDEX (VERBOSE, CONCURRENTLY) TABLE t"),
    "REINDEX INDEX CONCURRENTLY": ("REINDEX INDEX CONCURRENTLY i", "REINDEX (CONCURRENTLY 1) INDEX i"),
    "REINDEX SCHEMA": ("REINDEX SCHEMA s", "REINDEX SCHEMA CONCURRENTLY s"),
    "REINDEX DATABASE": ("REINDEX DATABASE d",),
    "REINDEX SYSTEM": ("REINDEX SYSTEM d",),
    "VACUUM": ("VACUUM", "VACUUM FULL t", "VACUUM(ANALYZE)t"),
    "CREATE DATABASE": ("CREATE DATABASE d",),
    "DROP DATABASE": ("DROP DATABASE d", "DROP DATABASE IF EXISTS d WITH (FORCE)"),
    "CREATE TABLESPACE": ("CREATE TABLESPACE s LOCATION '/s'",),
    "DROP TABLESPACE": ("DROP TABLESPACE s",),
    "ALTER DATABASE ... SET TABLESPACE": ("ALTER DATABASE d SET TABLESPACE s",),
    "ALTER SYSTEM": ("ALTER SYSTEM SET work_mem = '1MB'", "ALTER SYSTEM RESET ALL"),
    "DETACH PARTITION CONCURRENTLY": ("ALTER TABLE p DETACH PARTITION q CONCURRENTLY",),
    "CLUSTER of all tables": ("CLUSTER", "CLUSTER VERBOSE", "CLUSTER (VERBOSE)"),
    "DISCARD ALL": ("DISCARD ALL",),
    "CREATE SUBSCRIPTION with a slot": (
        "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
        "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (create_slot = on, enabled = false)",
    ),
    "ALTER SUBSCRIPTION with a refresh": (
        "ALTER SUBSCRIPTION s REFRESH PUBLICATION",
        "ALTER SUBSCRIPTION s SET PUBLICATION p",
        "ALTER SUBSCRIPTION s DROP PUBLICATION p WITH (refresh = 1)",
    ),
}

HARMLESS = (
    *STATEMENTS.values(),
    "PREPARE transaction AS SELECT 1",
    "PREPARE transaction (int) AS SELECT $1",
    "EXECUTE commit",
    "CREATE INDEX i ON concurrent_things (a)",
    'CREATE INDEX "concurrently" ON t (a)',
    "CREATE TABLE database (subscription int, system int, tablespace int)",
    "CREATE VIEW v AS SELECT 'concurrently'",
    "DROP INDEX i",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
    "REINDEX TABLE t",
    "REINDEX (CONCURRENTLY false) TABLE t",
    "REINDEX (CONCURRENTLY off, VERBOSE) TABLE t",
    "REINDEX (CONCURRENTLY 0) TABLE t",
    "ANALYZE t",
    "CLUSTER t",
    "CLUSTER t USING i",
    "DISCARD TEMP",
    "ALTER DATABASE d SET work_mem = '1MB'",
    "ALTER DATABASE d IS_TEMPLATE true",
    "ALTER TABLE p DETACH PARTITION q",
    "ALTER TABLE p DETACH PARTITION q FINALIZE",
    "ALTER TABLE t ADD tablespace int, DROP system",
    "ALTER TABLE t SET TABLESPACE s",
    "ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = off)",
    "ALTER SUBSCRIPTION s DISABLE",
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false)",
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (create_slot = 'off')",
    "DROP SUBSCRIPTION s",
    "COPY t FROM '/a'",
    "COPY t FROM PROGRAM 'true'",
    "COPY t TO '/a'",
    "CALL p()",
    "LOCK TABLE t IN SHARE MODE",
)

FORMS = [(FaultKind.TRANSACTION_CONTROL, name, form) for name, forms in CONTROL.items() for form in forms]
FORMS += [(FaultKind.NOT_IN_TRANSACTION, name, form) for name, forms in NOT_IN_TRANSACTION.items() for form in forms]
FORM_IDS = [form for _, _, form in FORMS]

WRITTEN: dict[str, Callable[[str], str]] = {
    "plain": lambda form: form,
    "closed": lambda form: f"{form};",
    "lower case": str.lower,
    "upper case": str.upper,
    "comments between the words": lambda form: form.replace(" ", "/* ; ' */\n-- é;\n"),
    "after a comment": lambda form: f"-- é COMMIT;\n/* /* ; */ */ {form}",
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize(("kind", "name", "form"), FORMS, ids=FORM_IDS)
def test_every_form_is_found(kind: FaultKind, name: str, form: str, written: Callable[[str], str]) -> None:
    """What a transactional file must not hold is found at its first word, however it is written."""
    text = written(form)
    (finding,) = sqltext.check(text, transactional=True)
    offset = max(0, text.lower().rfind(form.lower()))
    assert (finding.kind, finding.position) == (kind, sqltext.position(text, offset))
    assert finding.message.startswith(f"{name} ")


@pytest.mark.parametrize(("kind", "form"), [(kind, form) for kind, _, form in FORMS], ids=FORM_IDS)
def test_only_transaction_control_is_found_in_a_file_that_is_not_transactional(kind: FaultKind, form: str) -> None:
    """Statement by statement, what cannot run in a transaction can run; transaction control stays refused."""
    expected = [(kind, 1, 1)] if kind is FaultKind.TRANSACTION_CONTROL else []
    assert find(form, transactional=False) == expected


@pytest.mark.parametrize("form", HARMLESS)
def test_harmless_forms(form: str) -> None:
    """Nothing is found in what looks like it and is not, nor in names, strings, comments and bodies."""
    assert find(form) == []


@pytest.mark.parametrize("newer", NEWER)
@pytest.mark.parametrize(("kind", "form"), [(kind, form) for kind, _, form in FORMS], ids=FORM_IDS)
def test_an_unknown_statement_hides_nothing(kind: FaultKind, form: str, newer: str) -> None:
    """What the parser does not know is found, and what stands before and behind it too."""
    (syntax,) = [finding[0] for finding in find(newer)]
    found = find(f"SELECT 'é';\n{form};\n{newer};\n/* é; */ {form}")
    assert [(found_kind, line) for found_kind, line, _ in found] == [(kind, 2), (syntax, 3), (kind, 4)]
    assert found[2][2] == 10


@given(st.lists(st.sampled_from([*STATEMENTS.values(), *NEWER])), st.lists(st.sampled_from([*STATEMENTS.values()])))
def test_commit_is_found_anywhere(before: list[str], after: list[str]) -> None:
    """A COMMIT between any statements is found, once, at its place."""
    head = "".join(f"{statement};\n" for statement in before)
    text = f"{head}COMMIT;\n{';'.join(after)}"
    found = [finding[1:] for finding in find(text) if finding[0] is FaultKind.TRANSACTION_CONTROL]
    assert found == [locate(text, len(head))]
