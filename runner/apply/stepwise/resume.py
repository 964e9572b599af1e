"""Where an unfinished non-transactional file resumes: after the statements that are done, by ledger or catalog.

If neither can tell, nothing is guessed: the tenant is refused, and a person decides with `--resume-at`.
"""

from tenantry import sqltext
from tenantry.apply.stepwise import standalone
from tenantry.apply.stepwise.took_effect import TookEffect, judge
from tenantry.apply.stepwise.work import Work, number_after
from tenantry.ledger.writing import record_resumed
from tenantry.model import AppliedMigration, Progress, label
from tenantry.model.errors import Refused
from tenantry.planning.words import advise_in_doubt
from tenantry.postgres.send import send


def resume(work: Work, row: AppliedMigration) -> int:
    """Return how many statements of a file are done, and write that it resumes after them.

    The settings of these statements are made again in the new session. Raises Refused and psycopg.Error.
    """
    progress = row.progress or Progress("")
    # First, since a search_path that the file has set decides what the names below mean.
    _set_again(work, row.statements_done)
    assumed = work.site.assumed_done
    done = _find_done(work, row, progress) if assumed is None else _check_assumed(work, row, assumed)
    if progress.running:
        act = sqltext.read_act(progress.running)
        standalone.clear(act, work.site.connection, work.ledger.connection, progress.before)
    if done > row.statements_done or progress.running:
        work.record(done)
    record_resumed(work.ledger, work.step, row, statements=len(work.statements), done=done)
    return done


def _set_again(work: Work, done: int) -> None:
    """Send the statements again that changed the session, since this is a new one."""
    for statement in work.statements[:done]:
        if sqltext.changes_session(statement.text):
            sent = send(work.site.connection, statement.text)
            if sent.error:
                raise sent.error


def _check_assumed(work: Work, row: AppliedMigration, assumed: int) -> int:
    """Return how many statements count as done when a person says so: those recorded, or one more. Raises Refused."""
    known, total = row.statements_done, len(work.statements)
    if assumed not in (known, known + 1) or assumed > total:
        number = number_after(known)
        last = f" or {number + 1}" if known < total else ""
        raise Refused(
            f"--resume-at {number_after(assumed)}: {_name(work)} resumes at statement {number} of {total}, "
            f"expected {number}{last}",
            hint=f"{number} runs that statement, {number + 1} skips it as done" if last else "",
        )
    return assumed


def _find_done(work: Work, row: AppliedMigration, progress: Progress) -> int:
    """Return how many statements are done, including the interrupted one if it took effect. Raises Refused."""
    done = row.statements_done
    if not progress.running:
        return done
    act = sqltext.read_act(progress.running)
    current = done < len(work.statements) and work.statements[done].text == progress.running
    # To judge an index, its statement is run on an empty copy: only if the file has it, and not the ledger alone.
    match judge(act, progress.running if current else None, work.site.connection, progress.before):
        case TookEffect.NOT_DONE:
            return done
        case TookEffect.DONE if current:
            return done + 1
        case TookEffect.DONE:
            raise _refuse_edited(work, row, progress)
        case TookEffect.UNKNOWN:
            raise _refuse_unknown(work, row, progress)


def _refuse_edited(work: Work, row: AppliedMigration, progress: Progress) -> Refused:
    return Refused(
        f"{_name(work)}: statement {number_after(row.statements_done)} took effect and has been edited since, "
        "expected its original text:\n"
        f"{progress.running}",
        hint="restore its text, and add further changes after it",
    )


def _refuse_unknown(work: Work, row: AppliedMigration, progress: Progress) -> Refused:
    number = number_after(row.statements_done)
    return Refused(
        f"{_locate(work, row.statements_done)}: statement {number} of {len(work.statements)} was running when the run "
        f"ended: tenantry cannot tell whether it took effect\n{_excerpt(work, row.statements_done, progress)}",
        hint=advise_in_doubt(work.step.version, work.site.tenant.name, number),
    )


def _locate(work: Work, index: int) -> str:
    """Return the place of a statement as path, line and column; only the path if the file no longer has it."""
    if index >= len(work.statements):
        return work.step.path
    place = sqltext.position(work.step.sql, work.statements[index].start)
    return f"{work.step.path}:{place.line}:{place.column}"


def _excerpt(work: Work, index: int, progress: Progress) -> str:
    """Return the statement as the file shows it; as it was sent, if it has been edited since."""
    if index >= len(work.statements) or work.statements[index].text != progress.running:
        return progress.running
    place = sqltext.position(work.step.sql, work.statements[index].start)
    return sqltext.excerpt(work.step.text, place)


def _name(work: Work) -> str:
    return label(work.step.version, work.step.name)
