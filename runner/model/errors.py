"""The exceptions: some stop a run before it starts, the others stop one tenant.

A finding about a migration is an event, never an exception.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem with the input: the message `subject: problem, expected X`, and a hint that says how to solve it."""

    message: str
    hint: str = ""


class RunError(Exception):
    """The run cannot continue."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.problems: tuple[Problem, ...] = (Problem(message, hint),)

    @property
    def hint(self) -> str:
        """Return the hint for the first problem; empty if there is none."""
        return self.problems[0].hint


class InputError(RunError):
    """The input is wrong in one or more places, all of them named; no database was touched."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(problem.message for problem in problems))
        self.problems = problems


class ConfigError(InputError):
    """tenants.yaml, the environment or an argument is wrong."""


class MigrationFileError(InputError):
    """A folder of migrations cannot be used as it is."""


class FilesDiffer(InputError):
    """The files are not those of the run that is to be resumed; no database was touched."""

    exit_code = 4


class ServerError(RunError):
    """The embedded PostgreSQL cannot be started, stopped or found."""


class TenantError(RunError):
    """One tenant cannot continue; the others can."""

    exit_code = 3


class Unreachable(TenantError):
    """The database did not answer, or closed the connection."""

    exit_code = 5


class NoDatabase(Unreachable):
    """The server answers and has no such database: trying again does not help."""

    exit_code = 4


class Blocked(TenantError):
    """Another session is in the way, or the server takes no more or no writes: it makes sense to try again later."""

    exit_code = 5


class Refused(TenantError):
    """The database is not the one that tenants.yaml describes, or its state forbids the request."""

    exit_code = 4


class Cancelled(TenantError):
    """A signal ended the work on a scratch database, or a second one a statement, whose file is rolled back."""

    exit_code = 6


class NotMigrated(TenantError):
    """A database lacks migrations that the application was built with."""

    exit_code = 4
