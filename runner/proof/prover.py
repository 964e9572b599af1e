"""The proof: whether a database has the schema that its own record describes, and whether the checks hold.

A database that cannot be read is never taken for proven.
"""

import hashlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain

import psycopg

from tenantry import sqltext
from tenantry.config.model import Config
from tenantry.files.checks import Check
from tenantry.files.header import parse_header
from tenantry.files.texts import FOLDER, Texts
from tenantry.fleet.ahead import Ahead
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.repeatables import RepeatableTable
from tenantry.ledger.writing import record_proven
from tenantry.model import (
    NO_VERSION,
    AppliedMigration,
    Migration,
    MigrationStatus,
    Note,
    Plan,
    RowState,
    SetName,
    Tenant,
    label,
)
from tenantry.model.checksum import checksum
from tenantry.model.errors import Cancelled, Problem, Refused, TenantError
from tenantry.model.events import FindingReported, SchemaProven, Verdict
from tenantry.model.plans import head
from tenantry.model.results import Result
from tenantry.postgres.sessions import Sessions, find_major
from tenantry.project import Project
from tenantry.proof.checks import run_checks
from tenantry.proof.columns import find_unexpected
from tenantry.proof.kept import KeptProofs
from tenantry.proof.shared import make_shared
from tenantry.schema import differences as drift
from tenantry.schema.catalog.read import read_fingerprint, read_snapshot
from tenantry.schema.catalog.sighting import Experience, read_sighting
from tenantry.schema.catalog.token import describe_token, read_token
from tenantry.schema.differences import count_differences, describe_unnamed
from tenantry.schema.snapshot import Snapshot
from tenantry.scratch.expected import ExpectedSchemas, make_expected
from tenantry.state import STATE_FOLDER

# Arbitrary: nobody reads more than these of one tenant.
_MOST = 50
# Added to the name of a proof that is one of the ledger's tables too, which the token is about as well.
_CLEAN = " ledger"
# The kinds of objects that repeatables create, apart from grants.
_REPEATED = frozenset({"view", "materialized view", "function", "procedure"})


@dataclass(frozen=True, slots=True)
class ProofState:
    """What an earlier proof says of a tenant whose catalog has this `token`; None: it could not be read.

    `name` stands for all that the tenant is held against. `schema`: it was seen to be as expected. `ledger`: so were
    the tables of the ledger.
    """

    name: str = ""
    token: str | None = None
    schema: bool = False
    ledger: bool = False


@dataclass(frozen=True, slots=True)
class Prover:
    """Holds the database of a tenant against its record, its checks and tenants.yaml."""

    expected: ExpectedSchemas
    sessions: Sessions
    config: Config
    checks: Mapping[SetName, tuple[Check, ...]]
    texts: Texts
    proofs: KeptProofs
    repeatables: Mapping[SetName, tuple[Migration, ...] | None] = field(default_factory=dict)
    full: bool = False
    experience: Experience = field(default_factory=Experience)
    ahead: Ahead = field(default_factory=Ahead)

    def foresee(self, ledger: Ledger, statuses: Sequence[MigrationStatus], plan: Plan) -> None:
        """Begin to compute the schema of a tenant after a plan, if it is not known, while the plan is carried out."""
        expected, major, scope = self.expected, find_major(ledger.connection), self.config.scope()
        try:
            migrations = self._list_planned(ledger, statuses, plan)
        except Refused:
            return  # the proof says why
        if expected.is_known(major, migrations, scope):
            return

        def compute() -> None:
            # Asked here, and not for each tenant: it may run a program.
            if expected.place.is_apart(major):
                expected.after(self.sessions, ledger.tenant, major, migrations, scope)

        self.ahead.begin(expected.name(major, migrations, scope), compute)

    def _list_planned(self, ledger: Ledger, statuses: Sequence[MigrationStatus], plan: Plan) -> list[Migration]:
        """Return the files that will have run in a tenant after a plan. Raises Refused if one's text is not known."""
        files = {step.version: step for step in plan.steps}
        files |= {file.version: file for file in _list_recorded(ledger, statuses, self.texts)}
        return [*(files[version] for version in sorted(files)), *(self.repeatables.get(ledger.tenant.set_name) or ())]

    def look(self, ledger: Ledger, statuses: Sequence[MigrationStatus]) -> ProofState:
        """Return what is known of a tenant by the token of its catalog. Raises Refused like `prove`.

        Before anything else is read: what changes in between must not be believed the next time.
        """
        name = self._begin(ledger, statuses).name
        token = read_token(ledger.connection, self.experience.used)
        found = None if self.full else self.proofs.find(ledger.tenant, token)
        return ProofState(name, token, found in (name, f"{name}{_CLEAN}"), found == f"{name}{_CLEAN}")

    def _begin(self, ledger: Ledger, statuses: Sequence[MigrationStatus]) -> ProofState:
        """Return what is known of a tenant without its token: one whose catalog was just changed has a new one."""
        name = self._name(ledger, self._list_migrations(ledger, statuses))
        self.proofs.prepare(ledger)
        return ProofState(name)

    def prove(
        self,
        ledger: Ledger,
        statuses: Sequence[MigrationStatus],
        *,
        again: bool = False,
        standing: ProofState | None = None,
        clean: bool = False,
    ) -> Iterator[FindingReported | SchemaProven]:
        """Yield whatever keeps the database of a tenant from being proven, or the evidence that it is. Reads only.

        A catalog that has not changed since it was last proven is not read again, unless `full`; the checks, which are
        about rows, are run even then, unless this is only to prove `again` that nothing has changed. `standing` is what
        `look` returned, and `clean` whether the tables of the ledger are as they should be, as seen after that. Raises
        Refused if the schema that its record describes cannot be known.
        """
        standing = standing or (self.look if again else self._begin)(ledger, statuses)
        if standing.schema and again:
            yield _attest(ledger, statuses, standing)
            return
        found = False
        expected = None if standing.schema else self._expect(ledger, self._list_migrations(ledger, statuses))
        schema: Iterable[FindingReported] = ()
        if expected:
            token, fingerprint = self._see(ledger, expected)
            # What was seen of the ledger's tables counts only for the token that was read before that.
            standing = replace(standing, token=standing.token or (None if clean else token))
            schema = self._compare(ledger, expected, fingerprint)
        for finding in chain(schema, self._check(ledger, statuses)):
            found = True
            yield finding
        seen = f"{standing.name}{_CLEAN}" if clean or standing.ledger else standing.name
        self.proofs.keep(ledger.tenant, "" if found else seen, standing.token)
        if not found:
            # Equal to that of the schema that was read, or there would be a finding.
            yield _attest(ledger, statuses, standing, expected.fingerprint if expected else "")

    def _check(self, ledger: Ledger, statuses: Sequence[MigrationStatus]) -> Iterator[FindingReported]:
        applied = {row.version for row in _recorded_rows(statuses)}
        for complaint in run_checks(ledger.connection, self.checks.get(ledger.tenant.set_name, ()), applied):
            yield FindingReported(ledger.tenant.name, Problem(complaint.message), complaint.excerpt)

    def _see(self, ledger: Ledger, expected: Snapshot) -> tuple[str | None, str]:
        """Return the fingerprint of a tenant's schema, and the token of that moment; None where there is none."""
        connection, scope = ledger.connection, self.config.scope(ledger.tenant)
        if sighting := read_sighting(connection, scope, expected, self.experience):
            return sighting.token, sighting.fingerprint
        return None, read_fingerprint(connection, scope, expected)

    def _compare(self, ledger: Ledger, expected: Snapshot, fingerprint: str) -> Iterator[FindingReported]:
        """Yield the differences between the schema of a tenant, by its fingerprint, and the one that files describe."""
        tenant = ledger.tenant
        found = expected
        if fingerprint != expected.fingerprint:
            found = read_snapshot(ledger.connection, self.config.scope(tenant))
            # A difference that we have no words for is still one: the fingerprints of the server decide.
            repeats = bool(self.repeatables.get(tenant.set_name))
            yield from _report(tenant, drift.compare_schemas(expected, found), repeats=repeats) or (
                FindingReported(tenant.name, describe_unnamed()),
            )
        if tenant.set_name is SetName.TENANT:
            for line in find_unexpected(self.config.expected_columns, found):
                yield FindingReported(tenant.name, Problem(f"{line} by tenants.yaml"))

    def conclude(
        self, ledger: Ledger, statuses: Sequence[MigrationStatus], result: Result
    ) -> Generator[FindingReported | SchemaProven, None, Verdict]:
        """Prove a tenant, and return how it ends; committed changes stay in any case.

        `result` is how it ends if nothing is found.
        """
        found = 0
        try:
            for event in self.prove(ledger, statuses, again=result is Result.UP_TO_DATE):
                found += isinstance(event, FindingReported)
                yield event
        except Cancelled:
            raise
        except (TenantError, psycopg.Error) as error:
            if result is Result.UP_TO_DATE and isinstance(error, Refused):
                # Nothing was changed, so nothing is to be told but why it is not known.
                raise
            hint = f"{getattr(error, 'hint', '')}\nor skip the proof with --no-verify".strip()
            return Verdict(Result.FINDING, f"{result.value}, but not proven: {error}", hint)
        if found:
            return Verdict(Result.FINDING, f"{result.value}, but {count_differences(found)}")
        # For people, and for the gate: a tenant that was never proven is taken for an unfinished first installation.
        # No proof is ever taken from there.
        if unproven := [status.version for status in statuses if status.row and not status.row.proven]:
            record_proven(ledger, unproven)
        return Verdict(result)

    def expect(self, ledger: Ledger, statuses: Sequence[MigrationStatus]) -> Snapshot:
        """Return the schema that the record of a tenant describes. Raises Refused if it cannot be known."""
        return self._expect(ledger, self._list_migrations(ledger, statuses))

    def _expect(self, ledger: Ledger, migrations: Sequence[Migration]) -> Snapshot:
        return self.expected.after(
            self.sessions, ledger.tenant, find_major(ledger.connection), migrations, self.config.scope()
        )

    def _list_migrations(self, ledger: Ledger, statuses: Sequence[MigrationStatus]) -> list[Migration]:
        """Return the files that ran in a tenant, by its record. Raises Refused if one's text is not known."""
        files = self.repeatables.get(ledger.tenant.set_name)
        repeated = _list_repeated(ledger, files, self.texts) if files else ()
        return [*_list_recorded(ledger, statuses, self.texts), *repeated]

    def _name(self, ledger: Ledger, migrations: Sequence[Migration]) -> str:
        """Return a name for all that a tenant is held against: files, scope, and the columns of tenants.yaml."""
        major, config = find_major(ledger.connection), self.config
        schema = self.expected.name(major, migrations, config.scope())
        # And how its token is made: a version that reads it from fewer catalogs has seen less.
        about = f"{schema} {config.scope(ledger.tenant)} {config.expected_columns} {describe_token(major)}"
        return hashlib.sha256(about.encode("utf-8", "surrogatepass")).hexdigest()


def _attest(
    ledger: Ledger, statuses: Sequence[MigrationStatus], standing: ProofState, fingerprint: str = ""
) -> SchemaProven:
    """Return the evidence for a tenant's schema."""
    now = datetime.now(UTC)
    return SchemaProven(ledger.tenant.name, head(statuses), standing.name, fingerprint, standing.token or "", now)


def make_prover(project: Project, *, full: bool = False, writes: bool = False) -> Prover:
    """Return the prover of a run; with `full`, it reads every schema, changed or not.

    `writes`: the run may write to the master, and calls `settle` of the proofs.
    """
    repeatables = {name: directory.repeatables for name, directory in project.directories.items()}
    expected = make_expected(project)
    proofs = KeptProofs(project.cache_folder / "proven", project.cache, make_shared(project, writes=writes))
    return Prover(expected, project.sessions, project.config, project.checks, project.texts, proofs, repeatables, full)


def _recorded_rows(statuses: Sequence[MigrationStatus]) -> list[AppliedMigration]:
    return [status.row for status in statuses if status.row and status.row.state is RowState.APPLIED]


def _list_recorded(ledger: Ledger, statuses: Sequence[MigrationStatus], texts: Texts) -> list[Migration]:
    """Return the files that ran in a database, by its own record; edited and deleted files with the text that ran.

    A file that says which text it replaces promises the same schema, and is held to that; one in which only comments
    changed has it. Raises Refused if the text of another file is not known.
    """
    rows = _recorded_rows(statuses)
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
    # Whoever may write to a tenant's ledger would otherwise run programs as whoever verifies it.
    return Refused(
        f"the text that was applied as {name} is not known: it is neither in git history nor in "
        f"{STATE_FOLDER}/{FOLDER}, and a tenant's own record is not run",
        hint=hint,
    )


def _report(tenant: Tenant, differences: Sequence[drift.Difference], *, repeats: bool) -> list[FindingReported]:
    """Return the differences as findings; `repeats` says that there are repeatables, which may have to run again."""
    found = [
        FindingReported(tenant.name, Problem(drift.explain(one), _advise_again(one, tenant) if repeats else ""))
        for one in differences[:_MOST]
    ]
    if len(differences) > _MOST:
        rest = f"{len(differences) - _MOST} more differences"
        found.append(
            FindingReported(tenant.name, Problem(rest, f'see them with "tenantry drift --tenants {tenant.name}"'))
        )
    return found


def _advise_again(difference: drift.Difference, tenant: Tenant) -> str:
    """Return how to run a recorded repeatable again: a later migration may have undone its work."""
    if difference.kind not in _REPEATED or difference.what is drift.What.EXTRA:
        return ""
    command = f"tenantry migrate --tenants {tenant.name}"
    return f'if a repeatable creates it, change a comment in that file and run "{command}"'
