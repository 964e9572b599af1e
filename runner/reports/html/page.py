"""`html`: one page of a run that needs no network, for people.

The page holds its data as JSON, its style and its script; a policy lets it run nothing else, and load nothing. Text
that others wrote is escaped here, and reaches the page as text alone.
"""

import base64
import hashlib
import json
import re
from functools import cache
from html import escape as escape_html
from pathlib import Path
from typing import Any

from tenantry.model.results import GOOD
from tenantry.model.tenants import MASTER
from tenantry.reports.escaping import escape_controls, escape_json, escape_line
from tenantry.reports.formats import Call
from tenantry.reports.html.contents import BAD, CARE, MARKS, list_states, make_contents, tone_of
from tenantry.reports.summary import RunSummary
from tenantry.reports.wording import count_tenants, join, seconds
from tenantry.version import __version__

_FOLDER = Path(__file__).parent
_NUMBER = re.compile(r"[0-9]+")
_MARK = re.compile("@([a-z]+)@")


def compose(summary: RunSummary, call: Call, _before: str) -> str:
    """Return the page of a run."""
    style, script = _read("page.css"), _read("page.js")
    outcome = summary.outcome
    tone = tone_of(summary)
    parts = {
        "policy": _compose_policy(style, script),
        "generator": escape_html(f"tenantry {__version__}"),
        "title": _text(f"{_headline(summary)} · tenantry {outcome.verb}"),
        "kicker": _text(f"tenantry {outcome.verb}"),
        "tone": tone,
        "mark": MARKS[tone],
        "headline": _text(_headline(summary)),
        "facts": "".join(f"<span>{_text(fact)}</span>" for fact in _list_facts(summary, call)),
        "footer": _text(f"Written by tenantry {__version__}. This page loads nothing and sends nothing."),
        "style": style,
        "data": _compose_data(make_contents(summary, call)),
        "script": script,
    }
    # In one go, so that no part is searched for the mark of another one.
    return _MARK.sub(lambda found: parts[found[1]], _read("page.html"))


def _headline(summary: RunSummary) -> str:
    """Return how a run ended, in one line: the states that need a person first."""
    outcome = summary.outcome
    names = list(outcome.tenants)
    if not names:
        return "No tenant was selected"
    states = list_states(summary)
    serious = join(f"{number:,} {word}" for word, tone, number in reversed(states) if tone in (BAD, CARE))
    ended = f", ended by {outcome.stopped_by}" if outcome.stopped_by else ""
    noun = "the master" if names == [MASTER] else count_tenants(names)
    # Grouped as on the rest of the page.
    noun = _NUMBER.sub(lambda found: f"{int(found[0]):,}", noun)
    if serious:
        return (
            f"{serious} of {noun}{ended}" if len(names) > 1 else f"{noun}: {join(word for word, _, _ in states)}{ended}"
        )
    return f"{noun}: {join(f'{number:,} {word}' for word, _, number in states)}{ended}"


def _list_facts(summary: RunSummary, call: Call) -> list[str]:
    outcome = summary.outcome
    started = f"{summary.started_at:%Y-%m-%d %H:%M:%S} UTC" if summary.started_at else ""
    run = f"run {outcome.run_id[:8]}" if outcome.run_id else ""
    well = sum(number for result, number in outcome.totals.items() if result in GOOD)
    ended = f"{well:,} of {len(outcome.tenants):,} ended well" if well < len(outcome.tenants) else ""
    reason = f"reason: {outcome.reason}" if outcome.reason else ""
    facts = [started, seconds(outcome.elapsed_ms), ended, f"exit code {outcome.exit_code}", run, reason]
    return [fact for fact in (*facts, f"--tenants {call.selection}") if fact]


def _compose_policy(style: str, script: str) -> str:
    """Return a policy under which this style and this script run, and nothing is loaded from anywhere."""
    allowed = f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _compose_data(contents: Any) -> str:
    """Return the data as JSON that can end no element, and begin none."""
    text = escape_json(json.dumps(_escape(contents), ensure_ascii=False, separators=(",", ":")))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _escape(value: Any) -> Any:
    """Return data whose texts cannot steer the eye of who reads them."""
    if isinstance(value, str):
        return escape_controls(value)
    if isinstance(value, dict):
        return {escape_controls(key): _escape(entry) for key, entry in value.items()}
    return [_escape(entry) for entry in value] if isinstance(value, list | tuple) else value


def _text(text: str) -> str:
    return escape_html(escape_line(text))


@cache
def _read(name: str) -> str:
    """Return a part of the page, which is a file of this package."""
    return (_FOLDER / name).read_text("utf-8")
