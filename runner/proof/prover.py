"""The proof: whether a database has the schema that its own record describes, and whether the checks hold.

A database that cannot be read is never taken for proven.
"""

import hashlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain

import psycopg

from tenantry.config.model import Config
from tenantry.files.checks import Check
from tenantry.files.texts import Texts
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.writing import record_proven
from tenantry.model import Migration, MigrationStatus, SetName, Tenant
from tenantry.model.errors import Cancelled, Problem, Refused, TenantError
from tenantry.model.events import FindingReported, SchemaProven, Verdict
from tenantry.model.plans import head
from tenantry.model.results import Result
from tenantry.postgres.sessions import Sessions, find_major
from tenantry.project import Project
from tenantry.proof.checks import run_checks
from tenantry.proof.columns import find_unexpected
from tenantry.proof.kept import KeptProofs
from tenantry.proof.recorded import list_applied, list_files
from tenantry.proof.shared import make_shared
from tenantry.schema import differences as drift
from tenantry.schema.catalog.read import read_fingerprint, read_snapshot
from tenantry.schema.catalog.sighting import Experience, digest_questions, read_sighting
from tenantry.schema.catalog.token import read_token
from tenantry.schema.differences import count_differences, describe_unnamed
from tenantry.schema.snapshot import Snapshot
from tenantry.scratch.expected import ExpectedSchemas, make_expected

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
        applied = {row.version for row in list_applied(statuses)}
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
        return list_files(ledger, statuses, self.repeatables.get(ledger.tenant.set_name) or (), self.texts)

    def _name(self, ledger: Ledger, migrations: Sequence[Migration]) -> str:
        """Return a name for all that a tenant is held against: files, scope, and the columns of tenants.yaml."""
        major, config = find_major(ledger.connection), self.config
        schema = self.expected.name(major, migrations, config.scope())
        scope = config.scope(ledger.tenant)
        # And what was asked: a version that asks for less has seen less.
        about = f"{schema} {scope} {config.expected_columns} {digest_questions(major, scope)}"
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
