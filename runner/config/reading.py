"""tenants.yaml and the environment, as a `Config`: mistakes are reported together, each with its line and column.

`parse` is pure. No message, hint or repr shows a connection string, since it may hold a password.
"""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tenantry.config.control import make_control
from tenantry.config.document import Document, Reading, compose, decode, stop
from tenantry.config.expected_columns import parse_expected
from tenantry.config.long_list import LongList, take_out
from tenantry.config.model import Config, Rules, TenantFile
from tenantry.config.notify import make_notify
from tenantry.config.place import FILE
from tenantry.config.quick import make_plain
from tenantry.config.rollout import make_rollout
from tenantry.config.schema import SMALL_TABLE, TenantsFile
from tenantry.config.servers import read_servers
from tenantry.config.single import is_single, name_database, spread
from tenantry.config.tenants import check_proofs, check_source, check_tenant, find_clashes, make_tenants
from tenantry.config.validation import validate
from tenantry.model import Tenant
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.reading import choose_reading
from tenantry.model.scope import Ignored
from tenantry.state import find_state_folder


def read(path: Path, *, env: Mapping[str, str], overrides: Mapping[str, str] | None = None) -> Config:
    """Read the file at `path`: see `parse`. Raises ConfigError also if there is no file, or it is not text."""
    hint = "name a file with --config"
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        # The file that was looked for where none was named.
        create = ', or run "tenantry init" to create one' if path == Path(FILE) else ""
        stop(f"{path}: not found, expected a file", f"{hint}{create}")
    except IsADirectoryError:
        stop(f"{path}: a folder, expected a file", hint)
    except OSError as error:
        stop(f"{path}: unreadable ({error.strerror}), expected a file", hint)
    with _collector_paused():
        config = parse(decode(raw, path), path=path, env=env, overrides=overrides)
        if config.tenant_file:
            from tenantry.config.listing import read_listing

            config = replace(config, tenants=read_listing(config, config.tenant_file))
    if config.scratch_before and not (config.root / config.scratch_before).is_file():
        raise ConfigError(
            (Problem(f"{path}: scratch: before: {config.scratch_before}: not a file, expected one of SQL"),)
        )
    return replace(config, state_folder=find_state_folder(path.parent, env))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the search for cycles: nothing of a file is garbage before it is read, and the search takes longer."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def parse(text: str, *, path: Path, env: Mapping[str, str], overrides: Mapping[str, str] | None = None) -> Config:
    """Return the meaning of `text`. `path` serves messages and is the base of relative paths; it is not opened.

    `overrides` are connection strings by name of server. They override TENANTRY_SERVER_<NAME> in `env`, which overrides
    `text`. Raises ConfigError with all mistakes, in the order of the file. Values are checked only after the file has
    the right shape; unknown keys, bad names and bad labels do not stop that check.
    """
    long = take_out(text)
    config = _parse_long(long, path, env, overrides) if long else None
    return config or _parse(text, path, env, overrides)


def _parse_long(
    long: LongList, path: Path, env: Mapping[str, str], overrides: Mapping[str, str] | None
) -> Config | None:
    """Return the meaning of a file with a long list; None if anything is wrong, which is then explained as a whole."""
    try:
        config = _parse(long.text, path, env, overrides)
    except ConfigError:
        return None
    tenants: list[Tenant] = []
    for row in long.list_rows():
        tenant = make_plain(row, config.rules)
        if tenant is None or any(check_tenant(tenant, config.rules)):
            return None
        tenants.append(tenant)
    masters = [config.master] if config.master else []
    if any(find_clashes([*masters, *tenants], config.rules, str)):
        return None
    return replace(config, tenants=tuple(tenants))


def _parse(text: str, path: Path, env: Mapping[str, str], overrides: Mapping[str, str] | None) -> Config:
    document = compose(text, path)
    data = Reading(document).read(document.root)
    form = spread(document, data) if is_single(data) else data
    file = None if form is None else validate(document, form)
    if file is None:
        raise ConfigError(document.problems)
    connections = read_servers(document, file.servers, env, overrides or {}, file.connections)
    if is_single(data):
        name_database(document, data, file, connections)
    rules = Rules(
        servers={name: connection.server for name, connection in connections.items()},
        endpoints={name: connection.endpoint for name, connection in connections.items()},
        server=file.tenants.server,
        database=file.tenants.database,
        query_at=document.at(("tenants", "query")),
        lock_timeout_ms=file.tenants.lock_timeout,
        role=file.tenants.role or "",
    )
    check_source(document, file)
    check_proofs(document, file)
    rollout, notify = make_rollout(document, file), make_notify(document, file)
    control = make_control(document, file, env, rules)
    master, tenants = make_tenants(document, file, rules)
    # Only now, so that one run reports the mistakes of servers, sources and tenants together.
    if document.problems:
        raise ConfigError(document.problems)
    return Config(
        path=path,
        root=path.parent,
        servers=rules.servers,
        master=master,
        tenants=tenants,
        tenant_query=file.tenants.query,
        master_migrations=path.parent / file.master.migrations if file.master else None,
        tenant_migrations=path.parent / file.tenants.migrations,
        ledger_schema=file.ledger.schema_name if file.ledger else "public",
        ledger_owner=(file.ledger.owner if file.ledger else None) or "",
        reading=choose_reading(file.session.choose() if file.session else {}),
        small_table_bytes=file.lint.small_table if file.lint else SMALL_TABLE,
        drift_ignored=tuple(Ignored(entry.kind, entry.name) for entry in file.drift.ignore) if file.drift else (),
        drift_roles=tuple(file.drift.roles.items()) if file.drift else (),
        expected_columns=tuple(parse_expected(line) for line in file.expect),
        warnings=document.warnings,
        pins_at={
            tenant.name: document.at(("tenants", "list", index, "pin"))
            for index, tenant in enumerate(tenants)
            if tenant.pin is not None
        },
        rules=rules,
        rollout=rollout,
        notify=notify,
        shares_proofs=bool(file.master) and file.proofs != "state",
        control=control,
        scratch_settings=tuple(file.scratch.settings.items()) if file.scratch else (),
        scratch_before=(file.scratch.before if file.scratch else None) or "",
        tenant_file=_find_file(document, file, path),
        dump=path.parent / file.dump if file.dump else None,
        keeps_values=bool(file.ledger and file.ledger.values),
        single=is_single(data),
    )


def _find_file(document: Document, file: TenantsFile, path: Path) -> TenantFile | None:
    """Return the file that lists the tenants, None where another source does."""
    named = file.tenants.file
    return TenantFile(path.parent / named, f"{document.at(('tenants', 'file'))}: tenants.file") if named else None
