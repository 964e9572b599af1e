"""An attack: SQL that somebody hostile runs in a tenant's database, and what tenantry must say afterwards.

In the SQL, ATTACKER, RUNNER and DBNAME stand for the roles and the tenant's database, CANARY for a text that shows
that it was run, see `canary`. The attacker owns the database, so he may drop what is in its schema public and put
something else there. Schema `evil` is his; it does not count as drift.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum


class By(Enum):
    """Who runs the SQL of an attack."""

    ATTACKER = "the database's owner"
    RUNNER = "the role that migrates: many applications log in as this one"
    SUPERUSER = "a superuser"


class Start(Enum):
    """What a tenant has when the attack begins."""

    HONEST = "versions 1 and 2 and a repeatable are applied and proven; version 3 is pending"
    EMPTY = "nothing was applied"


class Runner(Enum):
    """Whom tenantry logs in as."""

    SUPERUSER = "a superuser"
    DEPLOY = "a role that may create in schema public, and owns what it created"


# The verbs as they are called one after the other, those that read first. TAKEN is a folder of dbmate's migrations.
READING: dict[str, str] = {
    "status": "status --tenants 1",
    "plan": "plan --tenants 1",
    "dry run": "migrate --tenants 1 --dry-run",
    "verify": "verify --tenants 1",
    "drift": "drift --tenants 1",
    "drift draft": "drift --tenants 1 --sql",
    "drift against": "drift --tenants 1 --against tenant:2",
    "consensus": "drift --consensus",
    "log": "log --tenants 1",
    "text": "log --tenants 1 --version 1 --sql",
    "tenants": "tenants --tenants 1",
    "lint": "lint --tenants 1",
    "adopt": "adopt --tenants 1",
    "import": "import --from dbmate taken --tenants 1",
    "accept?": "accept 1 --tenants 1 --reason why --dry-run",
    "mark?": "mark 3 --tenants 1 --reason why --dry-run",
    "forget?": "forget 2 --tenants 1 --reason why --dry-run",
    "rollback?": "rollback 2 --tenants 1 --reason why --dry-run",
}
WRITING: dict[str, str] = {
    "accept": "accept 1 --tenants 1 --reason why",
    "mark": "mark 3 --tenants 1 --reason why --lock-wait 1 --force",
    "forget": "forget 3 --tenants 1 --reason why --lock-wait 1",
    "rollback": "rollback 2 --tenants 1 --reason why --lock-wait 1",
    "migrate": "migrate --tenants 1 --lock-wait 1",
    "adopt write": "adopt --tenants 1 --write --lock-wait 1",
    "import write": "import --from dbmate taken --tenants 1 --write --lock-wait 1",
    "verify again": "verify --tenants 1",
    "status again": "status --tenants 1",
}
VERBS = {**READING, **WRITING}

# What most attacks are followed by: each way to read a ledger, and each way to write it.
MOST = (
    "status",
    "plan",
    "dry run",
    "verify",
    "drift",
    "log",
    "text",
    "adopt",
    "accept",
    "mark",
    "forget",
    "rollback",
    "migrate",
    "verify again",
)
# Where the attack is on what is read or shown of a schema.
SHOWING = ("verify", "drift", "drift draft", "drift against", "consensus", "adopt", "lint", "migrate")

# Those that ask a ledger nothing: they look for a connection, for sizes, or at the catalog alone.
_WITHOUT_LEDGER = frozenset({"tenants", "lint", "consensus", "drift against"})
# A ledger that cannot be believed is refused by each of these.
LEDGER = frozenset(VERBS) - _WITHOUT_LEDGER
# A log that cannot be believed is refused by those that read or write it.
LOG = frozenset({"log", "accept", "mark", "forget", "rollback", "migrate"})
# The same of the table of repeatables.
REPEATABLE = frozenset({"plan", "verify", "migrate"})


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack, and what is wanted of the verbs that come after it.

    Wanted of all, and so said nowhere: nothing of the attacker's ran, no bug, nothing raw on the terminal, and where a
    verb that writes exits with 0, what it says is there. `refused` are the verbs that end with 4, `doubted` those that
    must not end with 0. `clean`: each verb ends as it does for a tenant that nobody attacked. `run` are the verbs that
    are called. `trusted`: its code may run, as of a superuser or by a reviewed query; it is only not to mislead.
    `first` is run by a superuser ahead of the attack; `files` are written into the project.
    """

    name: str
    sql: str
    by: By = By.ATTACKER
    start: Start = Start.HONEST
    runner: Runner = Runner.SUPERUSER
    refused: frozenset[str] = frozenset()
    doubted: frozenset[str] = frozenset()
    run: tuple[str, ...] = MOST
    clean: bool = False
    trusted: bool = False
    first: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    major: int = 17

    def __str__(self) -> str:
        """Return the name, which is the test's."""
        return self.name


def check_names(attacks: Iterable[Attack]) -> tuple[Attack, ...]:
    """Return attacks as they are; raise ValueError where two have one name."""
    known: dict[str, Attack] = {}
    for attack in attacks:
        if attack.name in known:
            raise ValueError(f"{attack.name}: two attacks have this name")
        known[attack.name] = attack
    return tuple(known.values())
