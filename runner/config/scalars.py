"""The values of tenants.yaml that are more than a string, as types for pydantic: how each is read, and its schema."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from tenantry.config.document import Plain
from tenantry.config.patterns import DATABASE_PATTERN, ID_PATTERN, TEXT_PATTERN
from tenantry.model.byte_sizes import EXPECTED_SIZE, SIZE_PATTERN, parse_size
from tenantry.model.durations import (
    DURATION_PATTERN,
    EXPECTED_DURATION,
    EXPECTED_SPAN,
    SPAN_PATTERN,
    parse_duration,
    parse_span,
)
from tenantry.model.rollout import EXPECTED_LIMIT, LIMIT_PATTERN, Limit, parse_limit


def _write_number(value: object) -> object:
    """Return a number as it was written, since YAML 1.1 and 1.2 read it differently: 07 stays 07, 1_000 stays 1_000."""
    return value.text if isinstance(value, Plain) and value.kind == "number" else value


def _write_scalar(value: object) -> object:
    """Return a number, true or false as it was written."""
    return value.text if isinstance(value, Plain) and value.kind in ("number", "boolean") else value


def _read_duration(value: object) -> int:
    """Return milliseconds, more than 0: PostgreSQL reads a timeout of 0 as none."""
    duration_ms = parse_duration(value) if isinstance(value, str) else None
    if not duration_ms:
        raise ValueError(EXPECTED_DURATION)
    return duration_ms


def _read_size(value: object) -> int:
    """Return bytes; 0 is a number in YAML."""
    text = _write_number(value)
    size = parse_size(text) if isinstance(text, str) else None
    if size is None:
        raise ValueError(EXPECTED_SIZE)
    return size


def _read_count(value: object) -> int:
    """Return a whole number, 1 or more."""
    if isinstance(value, Plain) and value.kind == "number" and value.text.isdecimal() and int(value.text):
        return int(value.text)
    raise ValueError("a whole number, 1 or more")


def _read_day(value: object) -> date:
    """Return a day of the calendar."""
    # Other forms that Python reads, such as 20261231, are numbers to a reader.
    if not isinstance(value, str) or len(value) != len("2026-12-31"):
        raise ValueError("not a day")
    return date.fromisoformat(value)


def _read_boolean(value: object) -> bool:
    """Return true or false."""
    if isinstance(value, Plain) and value.kind == "boolean":
        return value.text.lower() == "true"
    raise ValueError("true or false")


def _read_limit(value: object) -> Limit:
    """Return how many tenants may fail; a number in YAML is one of tenants."""
    text = _write_number(value)
    limit = parse_limit(text) if isinstance(text, str) else None
    if limit is None:
        raise ValueError(EXPECTED_LIMIT)
    return limit


def _read_span(value: object) -> float:
    """Return seconds, more than 0."""
    span_s = parse_span(value) if isinstance(value, str) else None
    if not span_s:
        raise ValueError(EXPECTED_SPAN)
    return span_s


_DurationText = Annotated[str, Field(pattern=DURATION_PATTERN)]

Duration = Annotated[int, BeforeValidator(_read_duration, json_schema_input_type=_DurationText)]

_SizeText = Annotated[str, Field(pattern=SIZE_PATTERN)]

Size = Annotated[int, BeforeValidator(_read_size, json_schema_input_type=Literal[0] | _SizeText)]

Boolean = Annotated[bool, BeforeValidator(_read_boolean, json_schema_input_type=bool)]
Count = Annotated[int, BeforeValidator(_read_count, json_schema_input_type=Annotated[int, Field(ge=1)])]

Text = Annotated[str, Field(pattern=TEXT_PATTERN)]

Pattern = Annotated[str, Field(pattern=DATABASE_PATTERN)]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]*$")]

_TextId = Annotated[str, Field(pattern=ID_PATTERN)]

Number = Annotated[int, Field(ge=0)]

TenantId = Annotated[_TextId, BeforeValidator(_write_number, json_schema_input_type=Number | _TextId)]

Title = Annotated[Text, BeforeValidator(_write_number, json_schema_input_type=float | Text)]

LabelValue = Annotated[str, BeforeValidator(_write_scalar, json_schema_input_type=bool | float | str)]


# A version, as a number or as the start of a file's name writes it.
VersionText = Annotated[str, Field(pattern=r"^[0-9]+$"), BeforeValidator(_write_number, json_schema_input_type=Number)]

_DayText = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]

Day = Annotated[date, BeforeValidator(_read_day, json_schema_input_type=_DayText)]

SettingValue = Annotated[Text, BeforeValidator(_write_scalar, json_schema_input_type=bool | Text)]

Switch = Annotated[
    str,
    Field(pattern=r"^(on|off|true|false|yes|no)$"),
    BeforeValidator(_write_scalar, json_schema_input_type=bool | Annotated[str, Field(pattern=r"^(on|off|yes|no)$")]),
]

_LimitText = Annotated[str, Field(pattern=LIMIT_PATTERN)]

LimitValue = Annotated[Limit, BeforeValidator(_read_limit, json_schema_input_type=Number | _LimitText)]

_SpanText = Annotated[str, Field(pattern=SPAN_PATTERN)]

Span = Annotated[float, BeforeValidator(_read_span, json_schema_input_type=_SpanText)]
