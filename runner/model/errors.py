"""The exceptions: what stops a run before it starts, and what stops one tenant.

What is found out about a migration is an event, never an exception.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the input: `subject: what is wrong, what was expected`, and what to do."""

    message: str
    hint: str = ""


class RunnerError(Exception):
    """The run cannot go on."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.problems: tuple[Problem, ...] = (Problem(message, hint),)

    @property
    def hint(self) -> str:
        """Return what the user can do about the first problem; empty when there is nothing to say."""
        return self.problems[0].hint


class InputError(RunnerError):
    """The input is wrong in one or more places, all of which are named; no database was touched."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(problem.message for problem in problems))
        self.problems = problems


class ConfigError(InputError):
    """tenants.yaml, the environment or an argument is wrong."""


class MigrationFileError(InputError):
    """A directory of migrations cannot be used as it is."""


class ServerError(RunnerError):
    """The embedded PostgreSQL cannot be started, stopped or found."""


class TenantError(RunnerError):
    """One tenant cannot go on; the others can."""

    exit_code = 3


class Unreachable(TenantError):
    """The database did not answer, or broke the connection."""

    exit_code = 5


class Blocked(TenantError):
    """Somebody else holds a lock: trying again later is sensible."""

    exit_code = 5


class Refused(TenantError):
    """The database is not what tenants.yaml says it is, or not for this version of the runner."""

    exit_code = 4


class Cancelled(TenantError):
    """A second Ctrl-C cancelled the statement that was running; its file was rolled back."""

    exit_code = 6
