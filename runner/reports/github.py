"""`github`: workflow commands, which GitHub shows next to the lines of a pull request."""

from tenantry.model.events import Event, HazardFound, TenantFinished, WarningRaised
from tenantry.model.hazards import Level
from tenantry.model.results import GOOD, Result
from tenantry.reports.escaping import escape_controls
from tenantry.reports.formats import Call, Sink
from tenantry.reports.output import Output
from tenantry.reports.wording import join, name_tenants, render_hint

_COMMANDS = {Level.DANGER: "error", Level.CAUTION: "warning"}
# A finding is annotated at its own line: the verdict on its folder would repeat it.
_SAID = GOOD | {Result.FINDING}


def make_sink(stream: Output, call: Call) -> Sink:
    """Return a sink that writes a command for everything that deserves a reviewer's attention, at once."""

    def write(event: Event) -> None:
        match event:
            case HazardFound(hazard=hazard) if not hazard.allowed:
                stream.write_verbatim(_annotate(event))
            case WarningRaised(problem=problem):
                hint = render_hint(problem.hint, call)
                stream.write_verbatim(_compose("warning", "\n".join(filter(None, (problem.message, hint)))))
            case TenantFinished(tenant, verdict) if verdict.result not in _SAID:
                said = f"{name_tenants([tenant])}: {join([verdict.result.value, verdict.reason])}"
                stream.write_verbatim(_compose("error", said))
            case _:
                return
        # GitHub reads the log while the job runs; a cancelled job must not lose the annotations so far.
        stream.flush()

    return write


def _annotate(found: HazardFound) -> str:
    hazard = found.hazard
    place = {"file": hazard.path, "line": str(hazard.line), "col": str(hazard.column), "title": hazard.rule}
    message = "\n".join(filter(None, (hazard.message, hazard.help.rstrip())))
    return _compose(_COMMANDS[hazard.level], message, place)


def _compose(command: str, message: str, properties: dict[str, str] | None = None) -> str:
    """Return a workflow command as a line; characters that would end it, or one of its parts, are escaped."""
    given = ",".join(f"{key}={_escape_property(value)}" for key, value in (properties or {}).items())
    return f"::{command}{' ' if given else ''}{given}::{_escape(message)}\n"


def _escape(text: str) -> str:
    # The percent sign first, or it would escape the escapes.
    return escape_controls(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _escape_property(text: str) -> str:
    # As in escapeProperty() of actions/toolkit: these two separate properties.
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
