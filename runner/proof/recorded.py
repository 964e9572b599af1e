"""The files that ran in a tenant, by its own record: the record names them, and their text comes from elsewhere.

Whoever may write to a tenant's ledger would otherwise run programs as whoever verifies it.
"""

from collections.abc import Iterator, Sequence

from tenantry import sqltext
from tenantry.files.header import parse_header
from tenantry.files.texts import FOLDER, Texts
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.repeatables import RepeatableTable
from tenantry.model import NO_VERSION, AppliedMigration, Migration, MigrationStatus, Note, RowState, label
from tenantry.model.checksum import checksum
from tenantry.model.errors import Refused
from tenantry.state import STATE_FOLDER


def list_files(
    ledger: Ledger, statuses: Sequence[MigrationStatus], repeatables: Sequence[Migration], texts: Texts
) -> list[Migration]:
    """Return the files that ran in a tenant, by its record. Raises Refused if one's text is not known."""
    repeated = _list_repeated(ledger, repeatables, texts) if repeatables else ()
    return [*_list_recorded(ledger, statuses, texts), *repeated]


def list_applied(statuses: Sequence[MigrationStatus]) -> list[AppliedMigration]:
    """Return the rows of finished versions, in the order of the statuses."""
    return [status.row for status in statuses if status.row and status.row.state is RowState.APPLIED]


def _list_recorded(ledger: Ledger, statuses: Sequence[MigrationStatus], texts: Texts) -> list[Migration]:
    """Return the files that ran in a database, by its own record; edited and deleted files with the text that ran.

    A file that says which text it replaces promises the same schema, and is held to that; one in which only comments
    changed has it. Raises Refused if the text of another file is not known.
    """
    rows = list_applied(statuses)
    as_applied = {row.version: row.checksum for row in rows}
    files = {
        s.version: s.file
        for s in statuses
        if s.file and (s.file.checksum == as_applied.get(s.version) or s.note in (Note.REPLACED, Note.COSMETIC))
    }
    return [files.get(row.version) or _restore(row, texts, ledger) for row in rows]


def _restore(row: AppliedMigration, texts: Texts, ledger: Ledger) -> Migration:
    """Return the file as it was applied. Raises Refused if its text is not known."""
    name, text = label(row.version, row.name), texts.find(row.checksum)
    if text is None:
        hint = "restore the file as it was applied, or commit that text to git"
        # That command prints nothing that is not what was recorded.
        if checksum(ledger.read_text(row.version)) == row.checksum:
            shown = f"tenantry log --tenants {ledger.tenant.name} --version {row.version} --sql"
            hint = f'{hint}; review it first: "{shown}" prints what the tenant holds'
        raise _refuse_unknown(name, hint)
    # The header is a part of the text, and may have been edited as well.
    transactional = parse_header(text)[0].transactional
    sql = sqltext.blank_wrapper(text) if transactional else text
    return Migration(row.version, row.name, f"{name}.sql as applied", checksum(text), text, sql, transactional)


def _list_repeated(ledger: Ledger, files: Sequence[Migration], texts: Texts) -> Iterator[Migration]:
    """Yield the repeatables that ran in a database, in the order of the files, as they were last applied.

    One whose file is gone is left out: its objects are to be dropped, and are reported as long as they exist. Raises
    Refused if the text of an edited one is not known.
    """
    recorded = RepeatableTable(ledger).read()
    for file in files:
        if recorded.get(file.name) == file.checksum:
            yield file
        elif file.name in recorded:
            text = texts.find(recorded[file.name])
            if text is None:
                raise _refuse_unknown(
                    label(NO_VERSION, file.name),
                    f'run "tenantry migrate --tenants {ledger.tenant.name}" to apply its current text, restore the '
                    "file as it was applied, or commit that text to git",
                )
            sql, place = sqltext.blank_wrapper(text), f"{file.path} as applied"
            yield Migration(file.version, file.name, place, checksum(text), text, sql)


def _refuse_unknown(name: str, hint: str) -> Refused:
    return Refused(
        f"the text that was applied as {name} is not known: it is neither in git history nor in "
        f"{STATE_FOLDER}/{FOLDER}, and a tenant's own record is not run",
        hint=hint,
    )
