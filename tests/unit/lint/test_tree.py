"""The parts of an ALTER TABLE as they were written."""

import pytest

from tenantry.lint.tree import cut, read_commands, squeeze
from tenantry.sqltext.library import read_tree

ALTERED = {
    "one": ("ALTER TABLE t ADD a int", ["ADD a int"]),
    "several": ("ALTER TABLE t\n    ADD a int,\n    DROP b", ["ADD a int", "DROP b"]),
    "a comma in parentheses": (
        "ALTER TABLE t ADD a numeric(10, 2), ADD CHECK (a IN (1, 2))",
        ["ADD a numeric(10, 2)", "ADD CHECK (a IN (1, 2))"],
    ),
    "a comma in a text": ("ALTER TABLE t ALTER a SET DEFAULT 'x, y', DROP b", ["ALTER a SET DEFAULT 'x, y'", "DROP b"]),
    "a comma in an array": (
        "ALTER TABLE t ALTER a SET DEFAULT ARRAY[1, 2], DROP b",
        ["ALTER a SET DEFAULT ARRAY[1, 2]", "DROP b"],
    ),
    "a comma in a comment": ("ALTER TABLE t ADD a int, -- one, two\n DROP b", ["ADD a int", "DROP b"]),
    "a schema": ("ALTER TABLE s . t ADD a int, DROP b", ["ADD a int", "DROP b"]),
    "quoted names": ('ALTER TABLE "S, x"."T.y" ADD a int', ["ADD a int"]),
    "all of it": ("ALTER TABLE IF EXISTS s.t * ADD a int", ["ADD a int"]),
    "beyond ascii": ("ALTER TABLE gäste ADD größe int, DROP é", ["ADD größe int", "DROP é"]),
}


class TestCommands:
    @pytest.mark.parametrize("case", ALTERED)
    def test_text(self, case: str) -> None:
        """Each command has its text as written, and stands where it starts."""
        text, expected = ALTERED[case]
        commands = list(read_commands(text, read_tree(text)[1]))
        assert [command.text for command in commands] == expected
        assert [text[command.start :].startswith(command.text) for command in commands] == [True] * len(expected)

    def test_name(self) -> None:
        """A command knows the column or constraint that it is about."""
        text = (
            "ALTER TABLE t ADD a int, DROP b, ADD CONSTRAINT c CHECK (a > 0), VALIDATE CONSTRAINT d, ADD CHECK (a > 1)"
        )
        commands = list(read_commands(text, read_tree(text)[1]))
        assert [(command.kind, command.name) for command in commands] == [
            ("AddColumn", "a"),
            ("DropColumn", "b"),
            ("AddConstraint", "c"),
            ("ValidateConstraint", "d"),
            ("AddConstraint", ""),
        ]

    def test_cut(self) -> None:
        """A part of a command is found by the offsets of its tree, which count bytes."""
        text = "ALTER TABLE gäste ADD größe int DEFAULT 5 NOT NULL, DROP b"
        (command, _) = read_commands(text, read_tree(text)[1])
        first, last = (each["Constraint"]["location"] for each in command.node["constraints"])
        assert cut(text, command.text, first, last) == "DEFAULT 5"
        assert cut(text, command.text, last, None) == "NOT NULL"


@pytest.mark.parametrize(
    ("text", "line"),
    [("a\n    b", "a b"), ("a\n  '  b'", "a\n  '  b'"), ("a -- c\n b", "a -- c\n b"), ('"a  b"', '"a  b"')],
)
def test_squeeze(text: str, line: str) -> None:
    """A text is put into one line where white space is all that goes."""
    assert squeeze(text) == line
