"""The shape of tenants.yaml: what is refused, and the schema for editors."""

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tenantry.config.expected_columns import ExpectedColumn
from tenantry.config.reading import parse, read
from tenantry.config.single import json_schema
from tenantry.model.reading import READING
from tenantry.model.scope import Ignored, Scope
from tests.places import ROOT
from tests.unit.config.cases import DATA, ENVIRONMENT, GOOD, LIST, SERVERS, SHAPES, TENANTS, Said, refuse


@pytest.mark.parametrize(("text", "said"), SHAPES.values(), ids=SHAPES)
def test_shape_refused(text: str, said: Said) -> None:
    """What is missing, unknown or of a wrong type is named, all of it, with line, column and what was expected."""
    assert refuse(text) == said


@pytest.mark.parametrize(("master", "proofs", "shared"), [(True, "", True), (True, "state", False), (False, "", False)])
def test_proofs(*, master: bool, proofs: str, shared: bool) -> None:
    """Proofs are kept in the master where there is one, unless each machine is to keep its own."""
    text = "servers: {main: host=db}\ntenants: {migrations: m, server: main, list: [1], database: 't{id}'}\n"
    text += "master: {server: main, database: m, migrations: mm}\n" if master else ""
    text += f"proofs: {proofs}\n" if proofs else ""
    assert parse(text, path=Path("tenants.yaml"), env={}).shares_proofs is shared


def test_drift_and_expect() -> None:
    """What is not compared, the words for roles, and the columns that every tenant must have, are read as written."""
    config = read(DATA / "full.yaml", env=ENVIRONMENT)
    assert config.drift_ignored == (Ignored("index", "public.dba_*"), Ignored("*", "audit.*"))
    assert config.expected_columns == (
        ExpectedColumn("public.sessions.deposit_amount", "numeric(10,2)", not_null=False),
        ExpectedColumn("public.sessions.deposit_paid", "boolean", not_null=True),
        ExpectedColumn("studio.rooms.name", "", not_null=False),
    )
    without = read(DATA / "minimal.yaml", env={})
    assert (without.drift_ignored, without.drift_roles, without.expected_columns) == ((), (), ())


def test_session() -> None:
    """What the file chooses for sessions replaces the defaults, as it is written; nothing else is changed."""
    plain = SERVERS + TENANTS + LIST
    text = plain + "session: {DateStyle: 'ISO, DMY', array_nulls: off, transform_null_equals: 'on'}\n"
    config = parse(text, path=Path("tenants.yaml"), env={})
    chosen = {"DateStyle": "ISO, DMY", "array_nulls": "off", "transform_null_equals": "on"}
    assert dict(config.reading) == dict(READING) | chosen
    assert parse(plain, path=Path("tenants.yaml"), env={}).reading == READING


@pytest.mark.parametrize(
    ("size", "number"), [("0", 0), ("512 kB", 2**19), ("1MB", 2**20), ("'10 GB'", 10 * 2**30), ("3 B", 3)]
)
def test_small_table(size: str, number: int) -> None:
    """A size is written in the units of the server; without one, 1 MB is the first that is not small."""
    plain = f"{SERVERS}{TENANTS}{LIST}"
    texts = (plain, f"{plain}lint: {{small-table: {size}}}\n")
    configs = [parse(text, path=Path("tenants.yaml"), env={}) for text in texts]
    assert [config.small_table_bytes for config in configs] == [2**20, number]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{small-table: 5}", "lint.small-table: the number 5, expected a size such as 512 kB, 1 MB or 10 GB, or 0"),
        ("{small-table: 1 mb}", "lint.small-table: '1 mb', expected a size such as 512 kB, 1 MB or 10 GB, or 0"),
        ("[1 MB]", "lint: a list, expected a mapping with small-table"),
    ],
)
def test_small_table_refused(value: str, said: str) -> None:
    """Anything else is refused."""
    (message,) = refuse(f"{SERVERS}{TENANTS}{LIST}lint: {value}\n")
    assert message.endswith(said)


@pytest.mark.parametrize(
    ("session", "said"),
    [
        (
            "{standard_conforming_strings: off}",
            "unknown key 'standard_conforming_strings', expected one of array_nulls, backslash_quote, bytea_output,"
            " check_function_bodies, DateStyle, extra_float_digits, IntervalStyle, TimeZone, ... (11 in all)",
        ),
        ("{array_nulls: maybe}", "session.array_nulls: 'maybe', expected on or off"),
        ("{TimeZone: [UTC]}", "session.TimeZone: a list, expected text on one line"),
        ("[UTC]", "session: a list, expected a mapping of settings to values"),
    ],
)
def test_session_refused(session: str, said: str) -> None:
    """Another setting, or another type of value, is refused."""
    (message,) = refuse(f"{SERVERS}{TENANTS}{LIST}session: {session}\n")
    assert said in message


def test_scope() -> None:
    """A role with {id} is the tenant's own one; no other database has it."""
    config = read(DATA / "full.yaml", env=ENVIRONMENT)
    ignored = (Ignored("index", "public.dba_*"), Ignored("*", "audit.*"))
    north = next(tenant for tenant in config.tenants if tenant.name == "north-2")
    assert config.scope(north) == Scope("bookkeeping", ignored, (("app_north-2", "app"), ("report", "reader")))
    assert config.scope() == Scope("bookkeeping", ignored, (("report", "reader"),))


def test_schema_is_committed() -> None:
    """The committed schema is the one of the models, and the repository's file refers to it."""
    committed = (ROOT / "docs" / "tenants.schema.json").read_text(encoding="utf-8")
    generated = json.dumps(json_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert committed == generated, f"write it again with: python -c {shlex.quote(WRITE_SCHEMA)}"
    first = (ROOT / "tenants.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=docs/tenants.schema.json"


class EditorLoader(yaml.SafeLoader):
    """Reads YAML as editors do, by version 1.2: yes, no, on, off and dates are text."""


EditorLoader.yaml_implicit_resolvers = {
    first: [
        (tag, re.compile("true|false") if tag.endswith(":bool") else pattern)
        for tag, pattern in resolvers
        if not tag.endswith(":timestamp")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
WRITE_SCHEMA = (
    "import json, pathlib, tenantry.config.schema as c;"
    " text = json.dumps(c.json_schema(), indent=2, sort_keys=True, ensure_ascii=False) + chr(10);"
    " pathlib.Path('docs/tenants.schema.json').write_text(text, encoding='utf-8')"
)
ANNOTATIONS = {"$defs", "title", "description", "examples", "default"}


def fits(value: object, schema: Mapping[str, Any]) -> bool:
    """Return whether `value` is valid, by as much of JSON schema as the schema of tenants.yaml uses."""
    words = [(word, meaning) for word, meaning in schema.items() if word not in ANNOTATIONS]
    return all(fits_keyword(value, word, meaning, schema) for word, meaning in words)


def fits_keyword(value: object, word: str, meaning: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether `value` is valid by one keyword; those about values of another type hold."""
    match word:
        case "$ref":
            return fits(value, json_schema()["$defs"][meaning.removeprefix("#/$defs/")])
        case "type":
            return isinstance(value, TYPES[meaning]) and (meaning == "boolean" or not isinstance(value, bool))
        case "anyOf":
            return any(fits(value, part) for part in meaning)
        case "oneOf":
            return sum(fits(value, part) for part in meaning) == 1
        case "minimum":
            return not isinstance(value, int | float) or value >= meaning
        case "pattern":
            return not isinstance(value, str) or re.search(meaning, value) is not None
        case "items" | "minItems":
            return not isinstance(value, list) or fits_list(value, word, meaning)
    return not isinstance(value, dict) or fits_object(value, word, meaning, schema)


def fits_list(value: list[object], word: str, meaning: Any) -> bool:
    """Return whether a list is valid by one keyword."""
    return len(value) >= meaning if word == "minItems" else all(fits(part, meaning) for part in value)


def fits_object(value: dict[str, object], word: str, meaning: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether a mapping is valid by one keyword; an unknown one is an error of the test."""
    match word:
        case "required":
            return set(meaning) <= set(value)
        case "properties":
            return all(fits(value[name], meaning[name]) for name in value if name in meaning)
        case "patternProperties":
            return all(
                fits(value[name], part) for name in value for key, part in meaning.items() if re.search(key, name)
            )
        case "additionalProperties":
            known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
            return all(name in known or any(re.search(key, name) for key in patterns) for name in value)
    assert word == "minProperties"
    return bool(len(value) >= meaning)


@pytest.mark.parametrize("path", [*GOOD, ROOT / "tenants.yaml"], ids=lambda path: path.stem)
def test_schema_accepts(path: Path) -> None:
    """An editor that knows the schema accepts what the runner accepts."""
    data = yaml.load(path.read_text(encoding="utf-8"), EditorLoader)  # noqa: S506 - a SafeLoader
    assert read(path, env=ENVIRONMENT).tenants or read(path, env=ENVIRONMENT).tenant_query
    assert fits(data, json_schema())


@pytest.mark.parametrize("text", [text for text, _ in SHAPES.values()], ids=SHAPES)
def test_schema_refuses(text: str) -> None:
    """An editor that knows the schema marks what is missing, unknown or of a wrong type."""
    assert not fits(yaml.load(text, EditorLoader), json_schema())  # noqa: S506 - a SafeLoader


def test_schema_explains() -> None:
    """Every key of tenants.yaml is described, so that an editor has something to show."""
    schema = json_schema()
    for model in (schema, *schema["$defs"].values()):
        for name, part in model["properties"].items():
            described = schema["$defs"][part["$ref"].removeprefix("#/$defs/")] if "$ref" in part else part
            assert described.get("description"), name
    assert '"null"' not in json.dumps(schema)
