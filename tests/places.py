"""Where the repository and the data of the tests are."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
DATA = TESTS / "data"
