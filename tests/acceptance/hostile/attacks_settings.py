"""Settings of a database, which its owner may make: none decides what is read, or how a file is understood."""

from collections.abc import Iterator, Mapping

from tests.acceptance.hostile.attack import LEDGER, VERBS, Attack, By, Runner, Start, check_names
from tests.acceptance.hostile.attacks_place import LEDGER_DDL

_RUN = ("status", "plan", "verify", "drift", "log", "text", "adopt", "accept", "rollback", "migrate", "verify again")
# What decides how a text is read: it is the same in every tenant.
_READING: Mapping[str, str] = {
    "standard_conforming_strings": "off",
    "backslash_quote": "on",
    "escape_string_warning": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "DateStyle": "'SQL, DMY'",
    "IntervalStyle": "sql_standard",
    "TimeZone": "'Asia/Kathmandu'",
    "xmloption": "document",
    "xmlbinary": "hex",
    "check_function_bodies": "off",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "quote_all_identifiers": "on",
    "synchronous_commit": "off",
}
# What decides how a session goes on, or ends.
_ELSE: Mapping[str, str] = {
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "statement_timeout": "'1ms'",
    "lock_timeout": "'1ms'",
    "transaction_timeout": "'1ms'",
    "idle_in_transaction_session_timeout": "'1ms'",
    "idle_session_timeout": "'1ms'",
    "exit_on_error": "on",
    "row_security": "off",
    "client_min_messages": "debug5",
    "client_encoding": "'LATIN1'",
    "application_name": "'tenantry/0 x'",
    "search_path": "''",
    "default_tablespace": "'nowhere'",
    "temp_tablespaces": "'nowhere'",
    "default_table_access_method": "'nowhere'",
    "default_toast_compression": "'pglz'",
    "local_preload_libraries": "'nowhere'",
    "plan_cache_mode": "force_generic_plan",
    "jit_above_cost": "0",
    "debug_parallel_query": "on",
    "enable_seqscan": "off",
    "enable_indexscan": "off",
    "geqo_threshold": "2",
    "work_mem": "'64kB'",
    "temp_file_limit": "'0'",
    "lc_numeric": "'C'",
    "lc_messages": "'C'",
    "restrict_nonsystem_relation_kind": "'view, foreign-table'",
    "password_encryption": "'scram-sha-256'",
    "createrole_self_grant": "'set, inherit'",
    "tcp_user_timeout": "'1ms'",
    "client_connection_check_interval": "'1ms'",
    "vacuum_cost_delay": "100",
    "default_statistics_target": "1",
    "log_statement": "'all'",
    "session_replication_role": "replica",
    "event_triggers": "off",
    "role": "ATTACKER",
    "session_authorization": "ATTACKER",
    "tenantry.trusted": "'yes'",
}
# These only a superuser may set, or whom he lets.
_BY_SUPERUSER = frozenset(
    {
        "session_replication_role",
        "event_triggers",
        "log_statement",
        "lc_messages",
        "temp_file_limit",
        "local_preload_libraries",
        "tenantry.trusted",
    }
)


def _set(name: str, value: str) -> str:
    return f"ALTER DATABASE DBNAME SET {name} = {value};"


def _list_settings() -> Iterator[Attack]:
    for name, value in _READING.items():
        yield Attack(f"reading: {name}", _set(name, value), run=_RUN)
    for name in ("standard_conforming_strings", "DateStyle", "check_function_bodies", "synchronous_commit"):
        value = _READING[name]
        yield Attack(
            f"reading, for the role: {name}",
            f"ALTER ROLE RUNNER IN DATABASE DBNAME SET {name} = {value}",
            by=By.SUPERUSER,
            runner=Runner.DEPLOY,
            run=("status", "migrate", "verify again"),
        )
    for name, value in _ELSE.items():
        by = By.SUPERUSER if name in _BY_SUPERUSER else By.ATTACKER
        yield Attack(f"a setting: {name}", _set(name, value), by=by, run=_RUN)
    yield Attack(
        "settings: all that decide how a text is read", "".join(map(_set, *zip(*_READING.items(), strict=True)))
    )


def _list_others() -> Iterator[Attack]:
    made = f"{LEDGER_DDL}CREATE TRIGGER t BEFORE INSERT OR UPDATE ON public._migrations FOR EACH ROW EXECUTE FUNCTION"
    yield Attack(
        "the session is the attacker's own, and so is the ledger",
        f"{made} evil.trip(); {_set('role', 'ATTACKER')}",
        start=Start.EMPTY,
        refused=LEDGER,
        run=tuple(VERBS),
    )
    yield Attack(
        "row security is off, and a policy is there",
        "ALTER TABLE public._migrations ENABLE ROW LEVEL SECURITY; ALTER TABLE public._migrations OWNER TO ATTACKER;"
        f"GRANT ALL ON public._migrations TO RUNNER; {_set('row_security', 'on')}",
        by=By.SUPERUSER,
        runner=Runner.DEPLOY,
        refused=LEDGER,
    )
    for name, text in {
        "there is no place for a connection": "ALTER DATABASE DBNAME CONNECTION LIMIT 0",
        "connecting is revoked": "REVOKE CONNECT ON DATABASE DBNAME FROM PUBLIC, RUNNER",
        "nothing can be created": "REVOKE ALL ON DATABASE DBNAME FROM PUBLIC, RUNNER; REVOKE CREATE ON SCHEMA public"
        " FROM RUNNER",
        "temporary tables are revoked": "REVOKE TEMPORARY ON DATABASE DBNAME FROM PUBLIC",
        "default rights are the attacker's": "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC",
        "an extension that the owner may create": "CREATE EXTENSION citext SCHEMA public; CREATE EXTENSION hstore",
        "a large object": "SELECT lo_from_bytea(0, 'x')",
    }.items():
        yield Attack(
            f"the database: {name}", text, runner=Runner.DEPLOY, run=("status", "tenants", "verify", "migrate")
        )
    yield Attack(
        "the database: default rights for what the runner creates",
        "ALTER DEFAULT PRIVILEGES FOR ROLE RUNNER IN SCHEMA public GRANT ALL ON TABLES TO ATTACKER",
        by=By.SUPERUSER,
        start=Start.EMPTY,
        run=("status", "migrate", "verify", "status again"),
    )
    trigger = (
        "CREATE FUNCTION evil.on_event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM evil.fire(); END';"
    )
    for event in ("ddl_command_start", "ddl_command_end", "table_rewrite", "sql_drop", "login"):
        yield Attack(
            f"a superuser's event trigger: {event}",
            f"{trigger} CREATE EVENT TRIGGER noted ON {event} EXECUTE FUNCTION evil.on_event()",
            by=By.SUPERUSER,
            trusted=True,
            run=("status", "verify", "drift", "migrate"),
        )


ATTACKS = check_names((*_list_settings(), *_list_others()))
