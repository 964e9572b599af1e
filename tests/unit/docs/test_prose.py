"""The prose: how long the README is, and that it is written in nouns rather than in relative clauses."""

import re

import pytest

from tenantry.verbs.verb import VERBS
from tests.unit.docs.generated import PARTS, drop_parts, render_help
from tests.unit.docs.markdown import CHANGELOG, CONTRIBUTING, PAGES, README

# Good manuals of this field have fewer than 1 in 1,000; prose that was translated in the head has 13.
MOST_WHATS = 4

BODIES = {
    "README": README.read_text("utf-8"),
    "docs": "\n".join(drop_parts(path.read_text("utf-8")) for path in PAGES),
    "help": "\n".join(render_help(verb) for verb in ("", *VERBS)),
    "generated": "\n".join(write() for write in PARTS.values()),
    "CONTRIBUTING": CONTRIBUTING.read_text("utf-8"),
    "CHANGELOG": CHANGELOG.read_text("utf-8"),
}


def count_whats(text: str) -> float:
    """Return how many words in 1,000 are "what"."""
    words = re.findall(r"[a-z]+", text.lower())
    return 1000 * words.count("what") / len(words)


def test_readme_is_short() -> None:
    """The README has at most 200 lines: everything else has a page of its own."""
    assert len(README.read_text("utf-8").splitlines()) <= 200


@pytest.mark.parametrize("body", BODIES)
def test_nouns_rather_than_what(body: str) -> None:
    """The word "what" is rare, which is how a noun that is missing shows."""
    assert count_whats(BODIES[body]) < MOST_WHATS
