"""The words that rules share: which lock makes whom wait, and the safe form, ready to paste."""

from collections.abc import Mapping, Sequence

from tenantry.model.effects import LockMode

_PUBLIC = "public."
_LATER = "-- in a later file"
# How the header of a file asks to run without a transaction, and in batches.
ALONE = "-- transactional: false\n"
BATCHED = "-- transactional: false\n-- batch: 5000 pause 100ms\n"

# For partitions whose names no file has.
EACH_PARTITION = (
    "create it with ON ONLY or ALTER TABLE ONLY, which reads no row; then build an index with CONCURRENTLY on each "
    "partition that the database has, and attach these with ALTER INDEX ... ATTACH PARTITION"
)

# For partitions that have partitions themselves.
LAYERS = (
    "create it with ON ONLY or ALTER TABLE ONLY on each partitioned table, which reads no row; then build an index "
    "with CONCURRENTLY on each partition that has rows, and attach each to the one above it with ALTER INDEX ... "
    "ATTACH PARTITION"
)


def show(relation: str) -> str:
    """Return the name of a relation for a message: without the schema `public`."""
    return relation.removeprefix(_PUBLIC)


def wait(mode: LockMode, relation: str, why: str) -> str:
    """Return who waits for a lock on a relation, and for how long: `why` begins with `while` or `until`."""
    return f"{mode.words} on {show(relation)}: {mode.blocks} wait {why}"


def advise(sentence: str, *files: str) -> str:
    """Return a help: a sentence, and below it the files that are the safe form."""
    return join_advice(sentence, [text if text.endswith("\n") else f"{text};\n" for text in files])


def join_advice(sentence: str, files: Sequence[str]) -> str:
    """Return a help of a sentence and whole files."""
    texts = [text.removesuffix("\n") for text in files]
    return "\n".join((f"{sentence}:", f"\n{_LATER}\n".join(texts))) if files else sentence


def split_advice(help_text: str) -> tuple[str, ...]:
    """Return the files that a help gives as the safe form."""
    _, _, sql = help_text.partition(":\n")
    return tuple(f"{text}\n" for text in sql.split(f"\n{_LATER}\n")) if sql else ()


def strongest(locks: Mapping[str, LockMode]) -> tuple[str, LockMode]:
    """Return the relation with the strongest lock, and the lock."""
    return max(locks.items(), key=lambda held: held[1])
