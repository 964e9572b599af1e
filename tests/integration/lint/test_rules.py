"""Every rule: found in its bad cases, alone, on a real server; and nothing is found in the safe form of its help."""

import importlib
from collections.abc import Iterator

import pytest

from tenantry.lint.rules import enum_value
from tenantry.lint.ruleset import RULES, lint
from tenantry.lint.words import split_advice
from tenantry.model.errors import TenantError
from tests.integration.lint.fix_lint import Studio, studio

__all__ = ["studio"]


def _cases() -> Iterator[object]:
    for name in RULES:
        if name not in ("allow", "enum-value"):
            module = importlib.import_module(f"tenantry.lint.rules.{name.replace('-', '_')}")
            for number, text in enumerate(module.UNSAFE, 1):
                yield pytest.param(name, text, id=f"{name} {number}")


@pytest.mark.parametrize(("rule", "text"), list(_cases()))
def test_rule(studio: Studio, rule: str, text: str) -> None:
    """Each bad case is told by its rule alone, and the help is a safe form that lint has nothing to say about."""
    found = studio.lint(text)
    assert {hazard.rule for hazard in found} == {rule}
    for hazard in found:
        assert hazard.level is RULES[rule].level
        safe = split_advice(hazard.help)
        assert safe
        assert studio.lint(*safe) == []


def test_enum_value(studio: Studio) -> None:
    """A new enum value cannot be used by the file that adds it, says the server; the safe form adds it in one before.

    The file does not run, so that nothing is measured: the syntax tells.
    """
    (text,) = enum_value.UNSAFE
    with pytest.raises(TenantError, match=r"^unsafe use of new value") as failed:
        studio.measure(text)
    assert str(failed.value) == 'unsafe use of new value "sad" of enum type mood (55P04)'
    (hazard,) = [hazard for hazard in lint(studio.read(text), None) if hazard.version == 3]
    assert (hazard.rule, hazard.line) == ("enum-value", 2)
    assert studio.lint(*split_advice(hazard.help)) == []
