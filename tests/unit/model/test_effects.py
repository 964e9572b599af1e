"""Effects as they are kept: what is written is what is read, and anything else is nothing."""

import pytest

from tenantry.model.effects import Lock, LockMode, Measured, from_json, to_json

EFFECTS = (
    Measured(
        6,
        "ALTER TABLE \"Gäste\" ADD x float DEFAULT random() -- 'é🎸'",
        locks=(Lock("public.Gäste", LockMode.ACCESS_EXCLUSIVE), Lock("s.rooms", LockMode.ACCESS_SHARE)),
        rewritten=("public.Gäste",),
        scanned=("public.Gäste", "s.rooms"),
        created=("s.new",),
        renamed=(("s.new_name", "s.old_name"),),
        partitions=(("s.rooms_1", "s.rooms"),),
        deferred=("s.rooms",),
    ),
    Measured(70, "SELECT 1", unmeasured="connection lost", hint="start the server"),
)


class TestJson:
    @pytest.mark.parametrize("effects", [EFFECTS, ()], ids=["two", "none"])
    def test_round(self, effects: tuple[Measured, ...]) -> None:
        """What was written is read again, whole."""
        assert from_json(to_json(effects)) == effects

    @pytest.mark.parametrize(
        "text",
        ["", "{", "[]", "{}", '{"format": 0, "effects": []}', '{"format": 1}', '{"format": 1, "effects": [{}]}'],
    )
    def test_foreign(self, text: str) -> None:
        """Half a text, another format and anything else are nothing that is known."""
        assert from_json(text) is None


class TestLockMode:
    @pytest.mark.parametrize(
        ("mode", "words", "blocks"),
        [
            (LockMode.ROW_EXCLUSIVE, "ROW EXCLUSIVE", ""),
            (LockMode.SHARE_UPDATE_EXCLUSIVE, "SHARE UPDATE EXCLUSIVE", ""),
            (LockMode.SHARE, "SHARE", "writes"),
            (LockMode.EXCLUSIVE, "EXCLUSIVE", "writes"),
            (LockMode.ACCESS_EXCLUSIVE, "ACCESS EXCLUSIVE", "reads and writes"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_words(self, mode: LockMode, words: str, blocks: str) -> None:
        """A mode is written as PostgreSQL writes it, and says who waits behind it."""
        assert (mode.words, mode.blocks) == (words, blocks)
