"""The names of partitions and tables: those that no file has exist in the scratch database alone, as dated ones do."""

import re
from collections.abc import Iterable
from dataclasses import replace

from tenantry.model.effects import Lock, Measured
from tenantry.sqltext.library import Node

_WORD = re.compile(r"[\w$]+")


class Names:
    """The words of the files so far: a partition that a file names is one of them.

    `partitioned` are the tables with partitions, by the syntax of the files.
    """

    def __init__(self) -> None:
        self._words: set[str] = set()
        self.partitioned: frozenset[str] = frozenset()

    def add(self, text: str) -> None:
        """Add the words of a file."""
        self._words.update(_WORD.findall(text))

    def note(self, tag: str, node: Node) -> None:
        """Note the partitioned table that a statement creates."""
        if tag == "CreateStmt" and "partspec" in node:
            relation = node["relation"]
            self.partitioned |= {f"{relation.get('schemaname', 'public')}.{relation['relname']}"}

    def rename(self, effect: Measured) -> tuple[Measured, frozenset[str]]:
        """Return an effect in which unnamed partitions have the name of their table, and the names of these tables."""
        unnamed = {name: table for name, table in effect.partitions if not self._knows(name)}
        if not unnamed:
            return effect, frozenset()

        def rename(names: Iterable[str]) -> tuple[str, ...]:
            return tuple(dict.fromkeys(unnamed.get(name, name) for name in names))

        renamed = replace(
            effect,
            locks=tuple(Lock(unnamed.get(lock.relation, lock.relation), lock.mode) for lock in effect.locks),
            rewritten=rename(effect.rewritten),
            scanned=rename(effect.scanned),
            dropped=rename(effect.dropped),
            deferred=rename(effect.deferred),
            secured=rename(effect.secured),
        )
        return renamed, frozenset(unnamed.values())

    def find_unknown(self, names: Iterable[str]) -> frozenset[str]:
        """Return which tables no file names."""
        return frozenset(name for name in names if not self._knows(name))

    def _knows(self, name: str) -> bool:
        # By its words, since a name in double quotes may have several.
        return self._words.issuperset(_WORD.findall(name.partition(".")[2]))
