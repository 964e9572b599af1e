"""The settings of a session that decide how the server reads SQL: the same for every tenant, and for the parser."""

# Whatever the role, the database or postgresql.conf say: a file must mean the same everywhere. The parser that splits,
# checks and lints files assumes the first one, so that tenants.yaml cannot change it.
FIXED = {"standard_conforming_strings": "on"}

DEFAULTS = {
    "array_nulls": "on",
    "backslash_quote": "safe_encoding",
    "check_function_bodies": "on",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "transform_null_equals": "off",
    "xmloption": "content",
}

# Pairs of name and value.
Reading = tuple[tuple[str, str], ...]

READING: Reading = tuple({**FIXED, **DEFAULTS}.items())


def choose_reading(chosen: dict[str, str]) -> Reading:
    """Return all settings, with the values that tenants.yaml chooses in place of the defaults."""
    return tuple({**FIXED, **DEFAULTS, **chosen}.items())
