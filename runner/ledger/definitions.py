"""The ledger's tables as tenantry creates them, in the words of `definition.sql`: anything else in them is foreign."""

from collections.abc import Mapping
from dataclasses import dataclass

from tenantry.model.records import LEDGER_TABLE, LOG_TABLE, PROOF_TABLE, REPEATABLE_TABLE

# The layout that the comment of `_migrations` names.
LAYOUT = 1
# Columns that layout 1 gained before the first release; it gains no more.
LATER_COLUMNS = {"proven_at": "timestamptz", "rollback_text": "text", "progress": "jsonb"}

# Numbers of built-in types, the same in every PostgreSQL: a name could be that of another schema's type.
_BIGINT, _SMALLINT, _INTEGER, _TEXT, _TIME, _UUID, _JSONB = 20, 21, 23, 25, 1184, 2950, 3802
PLAIN = "table rp row security ff partition f"


@dataclass(frozen=True, slots=True)
class Definition:
    """The parts of a table, each as one line, and how many of them are columns, constraints and checks."""

    lines: frozenset[str]

    @property
    def columns(self) -> int:
        """Return the number of columns."""
        return sum(line.startswith("column ") for line in self.lines)

    @property
    def constraints(self) -> int:
        """Return the number of constraints, the keys and checks."""
        return sum(line.startswith("constraint ") for line in self.lines)

    @property
    def checks(self) -> int:
        """Return the number of CHECK constraints."""
        return sum(" CHECK " in line for line in self.lines)


def _column(name: str, kind: int, *, null: bool = False, identity: str = "", default: str = "") -> str:
    needed = "f" if null else "t"
    return f"column {name} type {kind} not null {needed} identity {identity} generated  default {default}"


def _one_of(table: str, column: str, *words: str) -> str:
    listed = ", ".join(f"'{word}'::text" for word in words)
    return f"constraint {table}_{column}_check CHECK (({column} = ANY (ARRAY[{listed}])))"


DEFINITIONS: Mapping[str, Definition] = {
    LEDGER_TABLE: Definition(
        frozenset(
            {
                PLAIN,
                _column("version", _BIGINT),
                *(_column(name, _TEXT) for name in ("name", "checksum", "origin", "state", "set_name", "tenant")),
                *(_column(name, _TEXT) for name in ("applied_by", "tool_version", "sql_text")),
                *(_column(name, _TEXT, null=True) for name in ("git_commit", "rollback_text")),
                _column("started_at", _TIME),
                *(_column(name, _TIME, null=True) for name in ("finished_at", "proven_at")),
                _column("elapsed_ms", _BIGINT, null=True),
                *(_column(name, _INTEGER) for name in ("statements", "statements_done")),
                _column("run_id", _UUID),
                _column("layout", _SMALLINT),
                _column("progress", _JSONB, null=True),
                f"constraint {LEDGER_TABLE}_pkey PRIMARY KEY (version)",
                _one_of(LEDGER_TABLE, "origin", "applied", "baseline", "imported", "marked"),
                _one_of(LEDGER_TABLE, "set_name", "master", "tenant"),
                _one_of(LEDGER_TABLE, "state", "applied", "running", "failed", "rolled back"),
            }
        )
    ),
    LOG_TABLE: Definition(
        frozenset(
            {
                PLAIN,
                _column("id", _BIGINT, identity="a"),
                _column("at", _TIME, default="clock_timestamp()"),
                _column("run_id", _UUID),
                _column("version", _BIGINT, null=True),
                *(_column(name, _TEXT) for name in ("event", "applied_by")),
                *(_column(name, _TEXT, null=True) for name in ("checksum", "reason")),
                _column("detail", _JSONB, null=True),
                f"constraint {LOG_TABLE}_pkey PRIMARY KEY (id)",
            }
        )
    ),
    REPEATABLE_TABLE: Definition(
        frozenset(
            {
                PLAIN,
                *(_column(name, _TEXT) for name in ("name", "checksum", "set_name", "tenant")),
                *(_column(name, _TEXT) for name in ("applied_by", "tool_version", "sql_text")),
                _column("git_commit", _TEXT, null=True),
                _column("applied_at", _TIME),
                _column("elapsed_ms", _BIGINT),
                _column("run_id", _UUID),
                f"constraint {REPEATABLE_TABLE}_pkey PRIMARY KEY (name)",
                _one_of(REPEATABLE_TABLE, "set_name", "master", "tenant"),
            }
        )
    ),
    PROOF_TABLE: Definition(
        frozenset(
            {
                PLAIN,
                *(_column(name, _TEXT) for name in ("set_name", "tenant", "expected", "token", "tool_version")),
                _column("proven_at", _TIME),
                _column("run_id", _UUID),
                f"constraint {PROOF_TABLE}_pkey PRIMARY KEY (set_name, tenant)",
                _one_of(PROOF_TABLE, "set_name", "master", "tenant"),
            }
        )
    ),
}
