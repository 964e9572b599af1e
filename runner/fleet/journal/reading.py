"""Reading journals: those of a project, the one that a person means, and the state of each tenant by the last runs."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tenantry.config.model import Config
from tenantry.fleet.journal.form import Journal, JournalError, JournalHeader, parse_header, parse_journal
from tenantry.fleet.journal.places import FOLDER, LAST, is_running, list_files
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.results import GOOD, Result
from tenantry.model.words import describe_os_error, nearest, one_of
from tenantry.state import read_private

_AGAIN = frozenset({Result.BLOCKED, Result.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class Runs:
    """The journals of a project, in `folder`, which messages call `shown`."""

    folder: Path
    shown: Path
    project: str

    def headers(self) -> Iterator[tuple[JournalHeader | None, Path, str]]:
        """Yield the header and path of each journal, the newest run first; None with a reason if it is unreadable.

        Journals of other projects are left out.
        """
        for _, path in self._list():
            try:
                text = read_private(path)
                if "\n" not in text:
                    # Killed before its first line was whole, and so before anything was done.
                    continue
                header = parse_header(text)
            except (OSError, JournalError, UnicodeDecodeError) as error:
                yield None, path, _explain(error)
            else:
                if header.project == self.project:
                    yield header, path, ""

    def find(self, word: str, verb: str = "") -> Journal:
        """Return the journal of a run by the start of its id, or the last one, of a verb if it is given.

        Raises ConfigError.
        """
        journal = self._find_last(verb) if word == LAST else self.read(self._find_path(word))
        header = journal.header
        if header.project != self.project:
            message = f"run {header.short}: belongs to {header.project}, expected a run of {self.project}"
            raise ConfigError((Problem(message, "name that file with --config"),))
        if verb and header.verb != verb:
            message = f"run {header.short}: a run of {header.verb}, expected one of {verb}"
            raise ConfigError((Problem(message, 'run "tenantry runs" to see all runs'),))
        return journal

    def read(self, path: Path, *, ends_alone: bool = False) -> Journal:
        """Return a journal, or of its events only the ends. Raises ConfigError if it cannot be read."""
        # Before the text: a run that ends in between has its end in what is read then.
        running = is_running(path)
        try:
            return replace(parse_journal(read_private(path), ends_alone=ends_alone), running=running)
        except (OSError, JournalError, UnicodeDecodeError) as error:
            raise ConfigError((Problem(f"{self.shown / path.name}: {_explain(error)}"),)) from None

    def trail(self, journal: Journal) -> tuple[Journal, ...]:
        """Return a run and those that resumed it, or one of these, oldest first. Raises ConfigError."""
        ids, found = {journal.header.run_id}, [journal]
        for header, path, _ in reversed(list(self.headers())):
            if header and header.resumes in ids and header.run_id not in ids:
                ids.add(header.run_id)
                found.append(self.read(path))
        return tuple(found)

    def states(self, known: Collection[str]) -> Mapping[str, frozenset[str]]:
        """Return the tenants, of those that are `known`, for each state by the last run that each took part in.

        `failed`, `blocked` (or unreachable), `unproven` (its files are applied, its schema was not seen to be as
        expected) and `behind` (any that did not end well). Only runs of migrate count; one that did not get to a tenant
        leaves its older state. Raises ConfigError if a journal cannot be read.
        """
        states: dict[str, set[str]] = {"failed": set(), "blocked": set(), "unproven": set(), "behind": set()}
        unknown, met = set(known), set[str]()
        for header, path, reason in self.headers():
            if header is None:
                raise ConfigError((Problem(f"{self.shown / path.name}: {reason}"),))
            if not unknown:
                break
            if header.verb == "migrate":
                _fold(self.read(path, ends_alone=True), unknown, met, states)
        return {word: frozenset(names) for word, names in states.items()}

    def _list(self) -> list[tuple[str, Path]]:
        try:
            return list_files(self.folder)
        except OSError as error:
            raise ConfigError((Problem(f"{self.shown}: {_explain(error)}, expected the journals of runs"),)) from None

    def _find_last(self, verb: str) -> Journal:
        for header, path, reason in self.headers():
            if header is None:
                # It may be the last one: an older one must not pass for it.
                raise ConfigError((Problem(f"{self.shown / path.name}: {reason}"),))
            if not verb or header.verb == verb:
                return self.read(path)
        what = f" of {verb}" if verb else ""
        raise ConfigError((Problem(f"{self.shown}: no run{what} is recorded, expected at least one"),))

    def _find_path(self, word: str) -> Path:
        runs = self._list()
        found = [(run_id, path) for run_id, path in runs if run_id.startswith(word.lower())] if word else []
        if len(found) == 1:
            return found[0][1]
        ids = [run_id[:8] for run_id, _ in runs]
        if found:
            message = f"run {word!r}: {len(found)} runs have ids that begin so, expected the id of one"
            raise ConfigError((Problem(message, f"write {_list_words([run_id for run_id, _ in found])}"),))
        expected = f"expected {one_of([LAST, *ids])}" if ids else "no run is recorded"
        raise ConfigError((Problem(f"run {word!r}: unknown, {expected}", nearest(word, [LAST, *ids])),))


def find_runs(config: Config) -> Runs:
    """Return the journals of the project of a tenants.yaml."""
    return Runs(config.state / FOLDER, config.shown_state / FOLDER, str(config.path.resolve()))


def _fold(journal: Journal, unknown: set[str], met: set[str], states: dict[str, set[str]]) -> None:
    """Put the tenants of a run into their states; those that it got to are no longer unknown."""
    ends, proves = journal.ends, not journal.header.options.get("no_verify")
    for name in journal.header.tenants:
        if name not in unknown:
            continue
        verdict = ends.get(name)
        if name not in met and (verdict is None or verdict.result not in GOOD):
            states["behind"].add(name)
        met.add(name)
        if verdict is None or verdict.result is Result.NOT_STARTED:
            continue
        unknown.discard(name)
        if verdict.result is Result.FAILED:
            states["failed"].add(name)
        elif verdict.result in _AGAIN:
            states["blocked"].add(name)
        elif verdict.result is Result.FINDING or (verdict.result in GOOD and not proves):
            states["unproven"].add(name)


def _explain(error: Exception) -> str:
    if isinstance(error, OSError):
        return describe_os_error(error)
    return str(error) if isinstance(error, JournalError) else "damaged, expected UTF-8"


def _list_words(words: list[str]) -> str:
    return " or ".join(words[:3])
