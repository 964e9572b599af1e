"""Several matches of one rule in one statement as one that names all their objects, with one help. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from tenantry.lint.rule import NAMES, Match
from tenantry.lint.words import BATCHED, join_advice, split_advice

_COMMENT = "--"


def join(matches: Sequence[Match]) -> Match:
    """Return matches of one rule in one statement as one, in the place of the first."""
    first = matches[0]
    if len(matches) == 1:
        return first
    unknown = any(each.read is None for each in matches)
    return Match(
        first.start,
        "; ".join(_join_messages(matches)),
        _join_helps([each.help for each in matches]),
        _unite(each.relations for each in matches),
        None if unknown else _unite(each.read or () for each in matches),
    )


def _join_messages(matches: Sequence[Match]) -> Iterator[str]:
    """Yield a message for each sentence, with the names of all objects of which it is true."""
    sentences: dict[str, list[Match]] = {}
    for match in matches:
        sentences.setdefault(match.many or match.message, []).append(match)
    for sentence, of_one in sentences.items():
        names = dict.fromkeys(match.name for match in of_one)
        yield of_one[0].message if len(names) == 1 else sentence.replace(NAMES, ", ".join(names))


def _join_helps(helps: Sequence[str]) -> str:
    """Return one help: step by step the files of all, those alike in one, since one file may hold many statements."""
    sentence = helps[0].partition(":\n")[0]
    steps: list[str] = []
    for files in zip_longest(*(split_advice(text) for text in dict.fromkeys(helps)), fillvalue=""):
        steps += _join_files(dict.fromkeys(filter(None, files)))
    return join_advice(sentence, steps) if steps else sentence


def _join_files(files: Iterable[str]) -> Iterator[str]:
    """Yield files with the statements of those that have the same header; a file with a batch has one statement."""
    headed: dict[str, str] = {}
    for text in files:
        if text.startswith(BATCHED):
            yield text
            continue
        lines = text.splitlines(keepends=True)
        header = "".join(line for line in lines if line.startswith(_COMMENT))
        body = "".join(line for line in lines if not line.startswith(_COMMENT))
        if body not in headed.get(header, ""):
            headed[header] = headed.get(header, "") + body
    yield from (header + body for header, body in headed.items())


def _unite(names: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in names for name in each))
