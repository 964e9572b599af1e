"""The settings of a session that decide how the server reads SQL and casts values to text: the same for all tenants."""

# Whatever the role, the database or postgresql.conf say: a file must mean the same everywhere. The parser that splits,
# checks and lints files assumes the first one, so that tenants.yaml cannot change it.
FIXED = {"standard_conforming_strings": "on"}

DEFAULTS = {
    "array_nulls": "on",
    "backslash_quote": "safe_encoding",
    "bytea_output": "hex",
    "check_function_bodies": "on",
    "DateStyle": "ISO, MDY",
    "extra_float_digits": "1",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "transform_null_equals": "off",
    "xmlbinary": "base64",
    "xmloption": "content",
}

# Pairs of name and value.
Reading = tuple[tuple[str, str], ...]

READING: Reading = tuple({**FIXED, **DEFAULTS}.items())


def choose_reading(chosen: dict[str, str]) -> Reading:
    """Return all settings, with the values that tenants.yaml chooses in place of the defaults."""
    return tuple({**FIXED, **DEFAULTS, **chosen}.items())
