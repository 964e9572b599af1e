"""What holds for every output."""

import importlib
import io
from typing import get_args

import pytest

from tenantry.model.events import Event
from tenantry.reports.formats import FORMATS
from tenantry.reports.output import Output
from tenantry.verbs.verb import VERBS, load_verb
from tests.unit.reports.story import CALL, Terminal, tell
from tests.unit.reports.test_jsonl import OTHERS


@pytest.mark.parametrize("stream", [io.StringIO, Terminal], ids=["plain", "terminal"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_event(name: str, stream: type[io.StringIO]) -> None:
    """Every format takes every kind of event, and writes something in the end."""
    events = [*tell()[:-1], *OTHERS, tell()[-1]]
    assert {type(event) for event in events} == set(get_args(Event))
    out = stream()
    sink = importlib.import_module(FORMATS[name]).make_sink(Output(out), CALL)
    for event in events:
        sink(event)
    assert out.getvalue().endswith("\n")


@pytest.mark.parametrize("verb", VERBS)
def test_formats_of_verbs(verb: str) -> None:
    """Every format that a verb offers exists."""
    assert set(load_verb(verb).formats) <= set(FORMATS)
