"""CREATE INDEX that is built while writes wait."""

import re
from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import find_view, squeeze, typed
from tenantry.lint.words import ALONE, EACH_PARTITION, LAYERS, advise, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level
from tenantry.sqltext.names import quote, quote_qualified

_INDEX = re.compile(r"\bINDEX\b", re.IGNORECASE)


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        if part.tag != "IndexStmt" or part.node.get("concurrent") or not (table := part.find(part.node["relation"])):
            continue
        # ON ONLY a partitioned table, nothing is built.
        if part.effect is None or part.scanned:
            if part.effect is None and (_is_of_view(file, part) or not _builds(part, table)):
                continue
            mode = part.locks.get(table, LockMode.SHARE)
            text = _advise_on_partitions(part, table) if table in part.partitioned else _advise(part)
            yield Match(part.start, wait(mode, table, "while the index is built"), text, part.scanned or (table,))


def _builds(part: LintedStatement, table: str) -> bool:
    """Return whether rows are read, by the syntax: there are none in a partitioned table alone."""
    return bool(part.node["relation"].get("inh")) or table not in part.partitioned


def _is_of_view(file: LintedFile, part: LintedStatement) -> bool:
    """Return whether the index is of a materialized view, by the syntax: nobody writes there, and readers go on."""
    statements = (one for each in (*file.before, file) for one in each.parts)
    views = filter(None, (find_view(one.tag, one.node) for one in statements))
    return typed(part.node["relation"]) in map(typed, views)


def _advise(part: LintedStatement) -> str:
    built = _INDEX.sub("INDEX CONCURRENTLY", squeeze(part.text), count=1)
    return advise("build it in a file of its own, while writes continue", f"{ALONE}{built};\n")


def _advise_on_partitions(part: LintedStatement, table: str) -> str:
    """Return the safe form for partitions: an index is built on each of them and attached to that of the table."""
    if table in part.unnamed:
        return advise(EACH_PARTITION)
    if part.has_layers(table):
        return advise(LAYERS)
    text = squeeze(part.text)
    own = part.node.get("idxname") or f"{table.partition('.')[2]}_idx"
    head, _, rest = text.partition("(")
    kind = "UNIQUE INDEX" if part.node.get("unique") else "INDEX"
    parts = [(quote_qualified(name), f"{name.partition('.')[2]}_{own}") for name in part.scanned]
    built = "".join(f"CREATE {kind} CONCURRENTLY {quote(index)} ON {name} ({rest};\n" for name, index in parts)
    schema = quote(table.partition(".")[0])
    given = ";\n".join(
        f"ALTER INDEX {schema}.{quote(own)} ATTACH PARTITION {name.partition('.')[0]}.{quote(index)}"
        for name, index in parts
    )
    whole = re.sub(r"\bON\s+", "ON ONLY ", head, count=1, flags=re.IGNORECASE)
    if "idxname" not in part.node:
        whole = re.sub(r"\bINDEX\b", f"INDEX {quote(own)}", whole, count=1, flags=re.IGNORECASE)
    sentence = "build it for each partition, in a file of its own, while writes continue"
    return advise(sentence, f"{whole}({rest}", f"{ALONE}{built}", given)


RULE = Rule(
    "index",
    Level.DANGER,
    "an index is built while writes wait",
    "build it with CREATE INDEX CONCURRENTLY, in a file of its own with `-- transactional: false`",
    _check,
    harm=Harm.LARGE,
)
UNSAFE = (
    "CREATE INDEX sessions_title_idx ON sessions (title);\n",
    "CREATE UNIQUE INDEX ON public.sessions (title, room_id);\n",
    "CREATE INDEX parts_n ON parts USING btree (n);\n",
    "CREATE INDEX ON parts (n, kind);\n",
)
