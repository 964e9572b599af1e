"""The judge: what was wrong with how the command bore an attack, in words; nothing where it held."""

from collections.abc import Callable, Iterator, Mapping

import psycopg

from tenantry.model.checksum import checksum
from tests.acceptance.hostile.fix_hostile import FORGED, RAW, READ_SETTINGS, ROOMS, WORKFLOW, Row, Seen, Victim

_IS_TABLE = (
    "SELECT count(*) FROM pg_class WHERE oid = to_regclass('public._migrations') AND relkind = 'r' AND NOT"
    " relhassubclass"
)
_EDITED = f"-- checked\n{ROOMS}"


def judge(victim: Victim, seen: Seen, codes: Mapping[str, int]) -> Iterator[str]:
    """Yield what was wrong with one verb. `codes` are those of a tenant that nobody attacked."""
    attack, verb, code = victim.attack, seen.verb, seen.result.code
    if seen.songs and not attack.trusted:
        yield f"{verb}: the canary sang: {'; '.join(seen.songs[:3])}"
    if code == 70 or "Traceback" in seen.text:
        yield f"{verb}: a bug: {seen.text.strip().splitlines()[-1]}"
    if verb in attack.refused and code != 4:
        yield f"{verb}: exit code {code}, expected 4"
    if verb in attack.doubted and code == 0:
        yield f"{verb}: exit code 0, expected another one"
    if attack.clean and code != codes[verb]:
        yield f"{verb}: exit code {code}, expected {codes[verb]}: {seen.text}"
    yield from _judge_text(seen)
    if code == 0 and verb in _SAID:
        yield from (f"{verb}: exit code 0, but {fault}" for fault in _SAID[verb](victim))


def judge_settings(victim: Victim, honest: list[Row]) -> Iterator[str]:
    """Yield the settings that decided otherwise here how a file is read; none where it was not applied."""
    try:
        if victim.query("SELECT relkind FROM pg_class WHERE oid = to_regclass('public.seen')") != [("r",)]:
            return
    except psycopg.OperationalError:
        return  # a database that lets nobody in has not let us in either
    for found, expected in zip(victim.query(READ_SETTINGS), honest, strict=False):
        if found != expected:
            yield f"the file saw {found[0]} {found[1]}, expected {expected[1]}"


def _judge_text(seen: Seen) -> Iterator[str]:
    raw = sorted({f"U+{ord(character):04X}" for character in RAW.findall(seen.text)})
    if raw:
        yield f"{seen.verb}: raw on the terminal: {', '.join(raw)}"
    if found := WORKFLOW.search(seen.text):
        yield f"{seen.verb}: a command for a CI server: {found[0].strip()}"
    if any(line.startswith(FORGED) for line in seen.text.splitlines()):
        yield f"{seen.verb}: a forged line of the report"


def _row(victim: Victim, version: int) -> Row | None:
    """Return state, checksum and text of a row, as it is in the table; None where there is none."""
    if victim.query(_IS_TABLE) != [(1,)]:
        return None
    query = f"SELECT state, checksum, sql_text FROM ONLY public._migrations WHERE version = {version} LIMIT 1"
    return next(iter(victim.query(query)), None)


def _check_migrated(victim: Victim) -> Iterator[str]:
    for version in (1, 2, 3):
        if (_row(victim, version) or ("none",))[0] != "applied":
            yield f"version {version} is not recorded as applied"
    there = "SELECT to_regclass('public.guests') IS NOT NULL, count(*) FROM pg_attribute WHERE attname = 'rate' AND"
    if victim.query(f"{there} attrelid = to_regclass('public.rooms') AND NOT attisdropped") != [(True, 1)]:
        yield "what the files create is not there"
    elif victim.query("SELECT name FROM public.rooms WHERE id = 1") != [("C:\\temp\\\\",)]:
        yield "the file's row is not what it says"
    if victim.query("SELECT relkind = 'r' FROM pg_class WHERE oid = to_regclass('public._migrations_log')") != [
        (True,)
    ]:
        yield "there is no log"
    elif not victim.query("SELECT 1 FROM public._migrations_log WHERE version = 3 AND event = 'applied'"):
        yield "the log does not say so"


def _check_forgotten(victim: Victim) -> Iterator[str]:
    if _row(victim, 3):
        yield "the row is there"


def _check_marked(victim: Victim) -> Iterator[str]:
    if (_row(victim, 3) or ("none",))[0] != "applied":
        yield "version 3 is not recorded as applied"


def _check_accepted(victim: Victim) -> Iterator[str]:
    row = _row(victim, 1)
    if row is None or row[1:] != (checksum(_EDITED), _EDITED):
        yield "checksum and text are not the file's"


def _check_rolled_back(victim: Victim) -> Iterator[str]:
    state = (_row(victim, 2) or ("none",))[0]
    if state == "applied":
        yield "version 2 is recorded as applied"
    column = "SELECT 1 FROM pg_attribute WHERE attname = 'rate' AND attrelid = to_regclass('public.rooms')"
    # Of a version that has no record, it is right to say that there is nothing to undo.
    if state == "rolled back" and victim.query(column):
        yield "its column is there"


# What a verb that writes has said with exit code 0.
_SAID: Mapping[str, Callable[[Victim], Iterator[str]]] = {
    "accept": _check_accepted,
    "mark": _check_marked,
    "forget": _check_forgotten,
    "rollback": _check_rolled_back,
    "migrate": _check_migrated,
}
