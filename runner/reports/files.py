"""Reports in files: any number of them, next to the one on stdout, each written whole or not at all.

A file that cannot be written is met before the run begins. A run never ends because of a report: what is lost is said
afterwards.
"""

import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, cast

from tenantry.model.errors import ConfigError, Problem
from tenantry.model.events import Event, RunFinished
from tenantry.model.words import describe_os_error, nearest, one_of
from tenantry.reports.formats import FORMATS, Call, MakeSink, Sink
from tenantry.reports.output import Output, Stream
from tenantry.reports.summary import RunSummary

STDOUT = "-"
# The text of a report, from the run, the call and the text that it replaces, which is empty if there is none.
Compose = Callable[[RunSummary, Call, str], str]
# Written once the run is over. Of these, too, only those that are asked for are imported.
WHOLE: dict[str, str] = {
    "html": "tenantry.reports.html.page",
    "json": "tenantry.reports.record",
    "junit": "tenantry.reports.junit",
    "markdown": "tenantry.reports.markdown",
    "prometheus": "tenantry.reports.prometheus",
}


@dataclass(frozen=True, slots=True)
class WantedReport:
    """A report that was asked for: its format, and the path of its file as it was typed, or `-`."""

    format: str
    path: str

    @property
    def on_stdout(self) -> bool:
        """Return whether it goes to stdout, in the place of the verb's own format."""
        return self.path == STDOUT


def parse_wanted(texts: Sequence[str], formats: Collection[str]) -> tuple[WantedReport, ...]:
    """Return the reports of `--report FORMAT=FILE`; `formats` are those that the verb has besides the whole ones.

    Raises ConfigError for a format that is unknown, and for two reports in one file.
    """
    # A table is for terminals.
    known = [*WHOLE, *(name for name in formats if name not in ("table", "plan"))]
    found: list[WantedReport] = []
    for text in texts:
        name, separator, path = text.partition("=")
        if not separator or not path:
            raise _refuse(f"{text!r} is not FORMAT=FILE, expected a report such as html=run.html")
        if name not in known:
            raise _refuse(f"unknown format {name!r}, expected {one_of(known)}", nearest(name, known))
        if any(_resolve(path) == _resolve(one.path) for one in found):
            raise _refuse(f"{path!r} is given more than once, expected a file for each report")
        found.append(WantedReport(name, path))
    return tuple(found)


class ReportFile:
    """A report that is being written to a temporary file next to the one that it will replace."""

    def __init__(self, wanted: WantedReport) -> None:
        """Create the temporary file. Raises ConfigError where that is not possible."""
        self.wanted = wanted
        self._path = _resolve(wanted.path)
        try:
            mode = _find_mode(self._path)
            number, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
            self._temporary = Path(name)
            os.fchmod(number, mode)
        except OSError as error:
            said = describe_os_error(error)
            raise _refuse(f"{wanted.path}: {said}, expected a file that can be written") from None
        # Line ends stay as they are, and half a character of a file name is escaped.
        file = os.fdopen(number, "w", encoding="utf-8", newline="")
        self._file: TextIO | None = file
        self.stream = Stream(file)

    @property
    def before(self) -> str:
        """Return the text that this report replaces; empty if there is none."""
        with suppress(OSError, UnicodeDecodeError):
            return self._path.read_text("utf-8")
        return ""

    def keep(self) -> str:
        """Put the file in its place, and return why that was not possible; empty if it was."""
        self.stream.flush()
        if self.stream.lost or self._file is None:
            return self.stream.lost
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
            self._temporary.replace(self._path)
        except OSError as error:
            return describe_os_error(error)
        return ""

    def close(self) -> None:
        """Delete the temporary file if it is still there."""
        if self._file is not None:
            with suppress(OSError, ValueError):
                self._file.close()
            self._file = None
        with suppress(OSError):
            self._temporary.unlink()


class Reports:
    """The reports of a run: `sinks` take its events, and `finish` puts the files in their places."""

    def __init__(self, files: Sequence[ReportFile], wanted: Sequence[WantedReport], call: Call) -> None:
        self._files = files
        self._call = call
        self._summary = RunSummary()
        self._wanted = wanted
        outputs = [Output(cast(TextIO, one.stream)) for one in files]
        followed = [(one.wanted, out) for one, out in zip(files, outputs, strict=True) if one.wanted.format in FORMATS]
        followed += [(one, Output(sys.stdout)) for one in wanted if one.on_stdout and one.format in FORMATS]
        self.sinks: list[Sink] = [_load(FORMATS[one.format]).make_sink(out, call) for one, out in followed]
        if any(one.format in WHOLE for one in wanted):
            self.sinks.append(self._take)

    def finish(self) -> list[str]:
        """Put the files in their places, if the run came to its end; return why which one was not written."""
        failures = [(one.wanted.path, one.keep()) for one in self._files]
        return [f"{path}: {failure}, the report was not written" for path, failure in failures if failure]

    def _take(self, event: Event) -> None:
        self._summary.add(event)
        if not isinstance(event, RunFinished):
            return
        for one in self._files:
            if one.wanted.format in WHOLE:
                one.stream.write(self._compose(one.wanted.format, one.before))
        for wanted in self._wanted:
            if wanted.on_stdout and wanted.format in WHOLE:
                Output(sys.stdout).write_verbatim(self._compose(wanted.format, ""))

    def _compose(self, name: str, before: str) -> str:
        compose: Compose = _load(WHOLE[name]).compose
        return compose(self._summary, self._call, before)


@contextmanager
def open_reports(wanted: Sequence[WantedReport], call: Call) -> Iterator[Reports]:
    """Open the files of a run's reports; those that are not finished are not written. Raises ConfigError."""
    files: list[ReportFile] = []
    try:
        for one in wanted:
            if not one.on_stdout:
                files.append(ReportFile(one))
        yield Reports(files, wanted, call)
    finally:
        for file in files:
            file.close()


def _load(module: str) -> "_Format":
    return cast(_Format, importlib.import_module(module))


class _Format:
    """What the module of a format has: one or the other."""

    make_sink: MakeSink
    compose: Compose


def _resolve(path: str) -> Path:
    # A link is kept, and the file that it leads to is replaced.
    return Path(os.path.realpath(path)) if path != STDOUT else Path(path)


def _find_mode(path: Path) -> int:
    """Return the permissions of a report: those of the file that it replaces, or of any new file. Raises OSError."""
    if path.exists() and not path.is_file():
        raise OSError(0, "not a regular file")
    if path.exists():
        # Its folder alone decides whether it can be replaced, which is not what its mode asks for.
        os.close(os.open(path, os.O_WRONLY))
        return path.stat().st_mode & 0o7777
    # Can only be read by being set. No thread has started yet.
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def _refuse(message: str, hint: str = "") -> ConfigError:
    return ConfigError((Problem(f"--report: {message}", hint),))
