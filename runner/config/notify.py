"""The notification as the file has it: there is somebody to notify, and a way to do it."""

from tenantry.config.document import Document
from tenantry.config.model import Mistake, Notify
from tenantry.config.schema import TenantsFile

# Arbitrary: as long as a person waits for the report of a run.
_TIMEOUT_S = 10.0


def make_notify(document: Document, file: TenantsFile) -> Notify | None:
    """Return whom to notify, None if nobody, and note its mistakes."""
    if file.notify is None:
        return None
    if not (file.notify.command or file.notify.url):
        document.refuse(("notify",), Mistake("nobody to notify, expected command or url"))
    return Notify(
        command=tuple(file.notify.command or ()),
        url=file.notify.url or "",
        timeout_s=file.notify.timeout or _TIMEOUT_S,
        failures_only=file.notify.failures_only,
    )
