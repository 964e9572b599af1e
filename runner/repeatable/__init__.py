"""Repeatables: files without a version, run behind those that have one whenever their text is not the one recorded.

A repeatable is a Migration whose version is NO_VERSION. They are in `repeatable` beside the migrations.
"""

from runner.repeatable.files import FOLDER, read_directory
from runner.repeatable.run import apply_repeatable
from runner.repeatable.table import RepeatableTable

__all__ = ["FOLDER", "RepeatableTable", "apply_repeatable", "read_directory"]
