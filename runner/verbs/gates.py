"""The gates between the stages of a rollout: a query on the master, or a command. Not true, or not known: shut."""

import subprocess

from tenantry import sqltext
from tenantry.fleet.roster import READ_ONLY
from tenantry.model.errors import ConfigError, Problem, TenantError
from tenantry.model.rollout import StageRule
from tenantry.postgres.transaction import in_transaction
from tenantry.project import Project


def check_gate(rule: StageRule) -> Problem | None:
    """Return what is wrong with the query of a gate: a second statement could end the transaction that only reads."""
    if not rule.gate:
        return None
    try:
        number = len(sqltext.split(rule.gate))
    except sqltext.SqlError as error:
        return Problem(f"{rule.gate_at}: malformed: {error}", "correct its SQL")
    return Problem(f"{rule.gate_at}: {number} statements, expected one") if number != 1 else None


def ask_gate(project: Project, rule: StageRule) -> str:
    """Return why a gate is shut, empty where it is open."""
    return _ask_command(project, rule) if rule.gate_command else _ask_query(project, rule.gate)


def _ask_query(project: Project, query: str) -> str:
    master = project.config.master
    if master is None:
        raise ConfigError((Problem("rollout: a gate needs a master to run its query on"),))
    try:
        with project.sessions.connect(master) as connection, in_transaction(connection):
            connection.execute(READ_ONLY)
            cursor = connection.execute(query.encode())
            rows = cursor.fetchmany(2) if cursor.description else []
    except TenantError as error:
        return f"the query failed: {error}"
    if len(rows) != 1:
        return f"the query returned {'several rows' if rows else 'no row'}, expected one"
    found = rows[0][0]
    return "" if found is True else f"the query returned {'NULL' if found is None else str(found).lower()}"


def _ask_command(project: Project, rule: StageRule) -> str:
    try:
        done = subprocess.run(
            rule.gate_command,
            cwd=project.config.root,
            env=dict(project.choice.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=rule.gate_timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{rule.gate_command[0]} did not end"
    except OSError as error:
        return f"{rule.gate_command[0]} could not be run: {error.strerror}"
    return f"{rule.gate_command[0]} ended with exit code {done.returncode}" if done.returncode else ""
