"""Rows that lie: a ledger that is ours in its form, with texts, states and values that no run of ours wrote."""

from collections.abc import Iterator, Mapping

from tenantry.model.checksum import checksum
from tests.acceptance.hostile.attack import LEDGER, VERBS, Attack, By, Runner, Start, check_names
from tests.acceptance.hostile.attacks_place import LEDGER_DDL
from tests.acceptance.hostile.fix_hostile import FORGED, ROOMS

# Clears the screen, forges a line of the report, gives an order to a CI server, and turns what follows around.
NASTY = f"\x1b[2J\x1b[32m\r\n{FORGED}\x1b[0m\n::error file=x::boo\n##[error]boo \x07\x08\x9b2J\u202eevil"
# For a column that is shown in one line.
NASTY_SQL = "'" + NASTY.replace("'", "''") + "'"
_SET = "UPDATE public._migrations SET"
_PROOF = frozenset({"verify", "drift"})
_NO_SUM = "'sha256:' || repeat('0', 64)"
_NEW = (
    "INSERT INTO public._migrations SELECT {version}, '{name}', {sum}, origin, state, set_name, tenant, started_at,"
    " finished_at, elapsed_ms, statements, statements_done, applied_by, run_id, tool_version, git_commit, {text},"
    " layout, proven_at, rollback_text, progress FROM public._migrations WHERE version = 2"
)
_TEXTS: Mapping[str, str] = {
    # In a text, two lines: a statement of the file's own, and the canary.
    "an edited file": f"{_SET} checksum = {_NO_SUM}, sql_text = sql_text || $t$CANARY$t$ WHERE version = 1",
    "a file that is gone": _NEW.format(version=9, name="gone", sum=_NO_SUM, text="$t$CANARY$t$"),
    "a file that is gone, older than all": _NEW.format(version=0, name="gone", sum=_NO_SUM, text="$t$CANARY$t$"),
    "a file that is gone, with its checksum": "INSERT INTO public._migrations SELECT 9, 'gone', 'sha256:' || encode("
    "sha256(convert_to(e'SELECT 1;\\n', 'UTF8')), 'hex'), origin, state, set_name, tenant, started_at, finished_at,"
    " elapsed_ms, statements, statements_done, applied_by, run_id, tool_version, git_commit, $t$CANARY$t$ || e'\\n',"
    " layout, proven_at, rollback_text, progress FROM public._migrations WHERE version = 2;"
    f"{_SET} checksum = 'sha256:' || encode(sha256(convert_to(sql_text, 'UTF8')), 'hex') WHERE version = 9",
    "an edited file, with its checksum": f"{_SET} sql_text = $t${ROOMS}CANARY$t$ || e'\\n' WHERE version = 1;"
    f"{_SET} checksum = 'sha256:' || encode(sha256(convert_to(sql_text, 'UTF8')), 'hex') WHERE version = 1",
    "an edited file with a header": f"{_SET} checksum = {_NO_SUM}, sql_text = e'-- transactional: false\\n' ||"
    " $t$CANARY$t$ WHERE version = 1",
    "an edited file with a condition": f"{_SET} checksum = {_NO_SUM}, sql_text = e'-- require: SELECT true\\n-- batch:"
    " 5\\n' || $t$CANARY$t$ WHERE version = 1",
}
_PROGRESS: Mapping[str, str] = {
    "a list": "[]",
    "a string": '"x"',
    "a number": "1",
    "a prefix that is a number": '{"prefix": 1}',
    "a prefix that is an object": '{"prefix": {"a": []}}',
    "what was before is a number": '{"prefix": "x", "before": 5}',
    "what was before is an object": '{"prefix": "x", "before": {"a": 1}}',
    "a statement that is an object": '{"prefix": "x", "running": {"a": 1}}',
    "a batch that is a list": '{"prefix": "x", "batch": []}',
    "a batch of text": '{"prefix": "x", "batch": {"rows": "many"}}',
    "a batch of too many rows": '{"prefix": "x", "batch": {"rows": 1' + "0" * 400 + "}}",
    "a batch of fewer than no rows": '{"prefix": "x", "batch": {"rows": -5, "after": [1e300]}}',
    "depth": '{"prefix": "x", "before": ' + "[" * 900 + "]" * 900 + "}",
}
_VALUES: Mapping[str, str] = {
    "finished for ever": "finished_at = 'infinity'",
    "finished before all times": "finished_at = '-infinity'",
    "finished in the year 294276": "finished_at = '294276-12-31 23:59:59+00'",
    "finished before Christ": "finished_at = '4713-01-01 00:00:00+00 BC'",
    "took less than no time": "elapsed_ms = -5",
    "took for ever": "elapsed_ms = 9223372036854775807",
    "fewer than no statements": "statements = -1, statements_done = -1",
    "more statements done than there are": "statements = 1, statements_done = 2147483647",
    "applied by an empty name": "applied_by = ''",
    "a checksum of another form": "checksum = 'md5:x'",
    "an empty checksum": "checksum = ''",
    "an empty name": "name = ''",
    "a name that leads elsewhere": "name = '../../../etc/passwd'",
    "a name of a million characters": "name = repeat('x', 1000000)",
    "a name of format codes": "name = '{0} %s %(a)s {name!r} $1 \\1 [red]x[/red]'",
    "a text of format codes": "sql_text = '{0} %s [bold]x[/bold]'",
    "no rollback": "rollback_text = NULL",
    "an empty rollback": "rollback_text = ''",
    "not finished, though applied": "finished_at = NULL, elapsed_ms = NULL",
    "rolled back, though applied": "state = 'rolled back'",
    "failed, though applied": "state = 'failed'",
    "running, though applied": "state = 'running'",
    "a baseline": "origin = 'baseline'",
    "imported": "origin = 'imported'",
}
_REFUSED_VALUES: Mapping[str, str] = {
    "of the master": "set_name = 'master'",
    "of another tenant": "tenant = '2'",
    "of no tenant": "tenant = ''",
    "of a tenant with a nasty name": f"tenant = {NASTY_SQL}",
    "of a newer layout": "layout = 32767",
}
_APPLIED = ("status", "verify", "rollback", "forget", "migrate")
_SHOWN = ("name", "checksum", "tool_version", "git_commit", "applied_by", "sql_text", "rollback_text", "tenant")


def _list_texts() -> Iterator[Attack]:
    for name, text in _TEXTS.items():
        yield Attack(f"a text that runs: {name}", text, by=By.RUNNER, doubted=_PROOF, run=tuple(VERBS))
    yield Attack(
        "a text that runs, for a role without rights",
        _TEXTS["an edited file"],
        by=By.RUNNER,
        runner=Runner.DEPLOY,
        doubted=_PROOF,
    )
    yield Attack(
        "a text that runs: its checksum is kept",
        f"{_SET} sql_text = sql_text || $t$CANARY$t$ WHERE version = 1",
        by=By.RUNNER,
        doubted=frozenset({"verify", "verify again", "text"}),
        run=("status", "verify", "drift", "text", "adopt", "rollback", "migrate", "verify again"),
    )
    yield Attack(
        "a rollback that runs",
        f"{_SET} rollback_text = $t$CANARY$t$ WHERE version = 2",
        by=By.RUNNER,
        refused=frozenset({"rollback"}),
        doubted=frozenset({"rollback?"}),
        run=("status", "verify", "rollback?", "rollback", "migrate", "verify again"),
    )
    yield Attack(
        "a rollback that runs beside the file's own",
        f"{_SET} rollback_text = rollback_text || $t$CANARY$t$ WHERE version = 2",
        by=By.RUNNER,
        refused=frozenset({"rollback"}),
        run=("rollback?", "rollback", "migrate"),
    )
    yield Attack(
        "a rollback that runs, of a file that has none",
        f"{_SET} rollback_text = $t$CANARY$t$ WHERE version = 2",
        by=By.RUNNER,
        doubted=frozenset({"rollback"}),
        run=("rollback?", "rollback"),
        files={"migrations/tenant/0002_rates.rollback.sql": "SELECT 1;\n"},
    )
    for name, change in {
        "edited": f"checksum = {_NO_SUM}, sql_text = $t$CANARY$t$",
        "edited, with its checksum": "sql_text = $t$CANARY$t$ || e'\\n'; UPDATE public._migrations_repeatable SET"
        " checksum = 'sha256:' || encode(sha256(convert_to(sql_text, 'UTF8')), 'hex')",
        "its checksum is kept": "sql_text = $t$CANARY$t$",
    }.items():
        yield Attack(
            f"a repeatable that runs: {name}",
            f"UPDATE public._migrations_repeatable SET {change}",
            by=By.RUNNER,
            run=("status", "plan", "verify", "drift", "drift draft", "dry run", "migrate", "verify again"),
        )
    yield Attack(
        "a repeatable that runs: its file is gone",
        "INSERT INTO public._migrations_repeatable SELECT 'gone', checksum, set_name, tenant, applied_at, elapsed_ms,"
        " applied_by, run_id, tool_version, git_commit, $t$CANARY$t$ FROM public._migrations_repeatable",
        by=By.RUNNER,
        run=("status", "plan", "verify", "drift", "migrate", "verify again"),
    )


def _list_states() -> Iterator[Attack]:
    row = (
        "INSERT INTO public._migrations SELECT 3, 'guests', $c${sum}$c$, 'applied', {state}, set_name, tenant,"
        " started_at, NULL, NULL, 4, {done}, applied_by, run_id, tool_version, git_commit, sql_text, layout, {proven},"
        " NULL, {progress} FROM public._migrations WHERE version = 2"
    )
    guests = "sha256:" + "0" * 64
    for state in ("running", "failed", "rolled back"):
        text = row.format(sum=guests, state=f"'{state}'", done=2, proven="NULL", progress="NULL")
        yield Attack(f"a state that is forged: {state}", text, by=By.RUNNER)
    for name, progress in _PROGRESS.items():
        text = row.format(sum=guests, state="'running'", done=1, proven="NULL", progress=f"'{progress}'")
        yield Attack(f"progress: {name}", text, by=By.RUNNER, run=("status", "plan", "verify", "mark", "migrate"))
        if name.startswith(("a prefix", "a list", "depth")):
            applied = f"{_SET} progress = '{progress}' WHERE version = 2"
            yield Attack(f"progress of what is applied: {name}", applied, by=By.RUNNER, run=_APPLIED)


def _list_values() -> Iterator[Attack]:
    for name, change in _VALUES.items():
        yield Attack(f"a value: {name}", f"{_SET} {change} WHERE version = 2", by=By.RUNNER)
    for name, change in _REFUSED_VALUES.items():
        yield Attack(f"a value: {name}", f"{_SET} {change} WHERE version = 2", by=By.RUNNER, refused=LEDGER)
    for column in _SHOWN:
        yield Attack(f"terminal: the ledger's {column}", f"{_SET} {column} = {NASTY_SQL}", by=By.RUNNER)
    for number in (-1, 9223372036854775807, -9223372036854775808):
        text = _NEW.format(version=number, name="x", sum=_NO_SUM, text="'SELECT 1'")
        yield Attack(f"a value: version {number}", text, by=By.RUNNER, doubted=_PROOF)
    yield Attack("rows: none is left", "DELETE FROM public._migrations", by=By.RUNNER, doubted=frozenset({"migrate"}))
    yield Attack(
        "rows: one is gone",
        "DELETE FROM public._migrations WHERE version = 2",
        by=By.RUNNER,
        doubted=frozenset({"migrate"}),
    )
    yield Attack(
        "rows: one that was never applied",
        "INSERT INTO public._migrations SELECT 3, 'guests', $c$GUESTS$c$, origin, state, set_name, tenant, started_at,"
        " finished_at, elapsed_ms, statements, statements_done, applied_by, run_id, tool_version, git_commit, sql_text,"
        " layout, NULL, NULL, NULL FROM public._migrations WHERE version = 2",
        by=By.RUNNER,
        doubted=_PROOF | {"migrate"},
        run=("status", "verify", "drift", "migrate", "verify again"),
    )
    yield Attack(
        "rows: two of one version",
        "ALTER TABLE public._migrations DROP CONSTRAINT _migrations_pkey; INSERT INTO public._migrations SELECT * FROM"
        " evil.migrations",
        by=By.RUNNER,
        refused=LEDGER,
    )
    yield Attack(
        "rows: of another database",
        f"{LEDGER_DDL}" + _row(1, "rooms") + _row(2, "rates") + _row(3, "guests"),
        by=By.RUNNER,
        start=Start.EMPTY,
        doubted=_PROOF | {"migrate"},
    )


def _row(version: int, name: str) -> str:
    return (
        f"INSERT INTO public._migrations VALUES ({version}, '{name}', $c${name.upper()}$c$, 'applied', 'applied',"
        " 'tenant', '1', now(), now(), 1, 1, 1, 'x', gen_random_uuid(), '0.1.0', NULL, '', 1, now(), NULL, NULL);"
    )


def _list_logs() -> Iterator[Attack]:
    for name, change in {
        "event": f"event = {NASTY_SQL}",
        "reason": f"reason = {NASTY_SQL}",
        "checksum": f"checksum = {NASTY_SQL}",
        "applied_by": f"applied_by = {NASTY_SQL}",
        "detail": f"detail = jsonb_build_object('error', {NASTY_SQL}, 'elapsed_ms', {NASTY_SQL}, 'name', {NASTY_SQL})",
    }.items():
        sql = f"UPDATE public._migrations_log SET {change}"
        yield Attack(f"terminal: the log's {name}", sql, by=By.RUNNER, run=("status", "verify", "log", "migrate"))
    for name, change in {
        "for ever": "at = 'infinity'",
        "before all times": "at = '-infinity'",
        "a detail that is a list": "detail = '[1]'",
        "a detail that is text": "detail = '\"x\"'",
        "a detail of other types": """detail = '{"elapsed_ms": {"a": 1}, "name": 5, "statements": "x", "rules": 7}'""",
        "a detail of great depth": "detail = ('{\"name\": ' || repeat('[', 900) || repeat(']', 900) || '}')::jsonb",
        "an event that is ours": "event = 'failed', detail = '{\"error\": 5}'",
        "a version that is not there": "version = 9223372036854775807",
    }.items():
        sql = f"UPDATE public._migrations_log SET {change}"
        yield Attack(f"the log: {name}", sql, by=By.RUNNER, run=("status", "log", "migrate"))
    yield Attack(
        "the log: it allows what is out of order",
        "INSERT INTO public._migrations_log (run_id, version, event, applied_by) VALUES (gen_random_uuid(), 1,"
        " 'allowed', 'x'); DELETE FROM public._migrations WHERE version = 1",
        by=By.RUNNER,
        doubted=frozenset({"migrate"}),
    )
    yield Attack(
        "terminal: the repeatables' name",
        f"UPDATE public._migrations_repeatable SET name = {NASTY_SQL}",
        by=By.RUNNER,
        run=("status", "plan", "verify", "migrate"),
    )


def _fill(attack: Attack) -> Attack:
    from dataclasses import replace

    from tests.acceptance.hostile.fix_hostile import GUESTS, RATES

    sums = {"ROOMS": ROOMS, "RATES": RATES, "GUESTS": GUESTS}
    text = attack.sql
    for name, file in sums.items():
        text = text.replace(f"$c${name}$c$", f"'{checksum(file)}'")
    return replace(attack, sql=text)


ATTACKS = check_names(map(_fill, (*_list_texts(), *_list_states(), *_list_values(), *_list_logs())))
