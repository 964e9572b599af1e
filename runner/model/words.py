"""Words for people: lists, counts and the nearest known name."""

from collections.abc import Iterable

# Arbitrary: as many names as read well on one line.
_SHOWN = 8


def one_of(names: Iterable[str]) -> str:
    """Return `names` as the end of "expected ...": a single name alone, the first few of many."""
    names = list(names)
    if len(names) == 1:
        return names[0]
    shown = ", ".join(names[:_SHOWN])
    return f"one of {shown}, ... ({len(names)} in all)" if len(names) > _SHOWN else f"one of {shown}"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint with the known name most similar to `word`, ignoring case; empty if none is similar."""
    import difflib  # 10 ms that only a mistake should cost

    by_lower = {name.lower(): name for name in known}
    # A number that is written with zeros in front of it is meant as that number.
    plain = word.lstrip("0").lower()
    if word.isdigit() and plain in by_lower:
        return f"did you mean {by_lower[plain]!r}?"
    near = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f"did you mean {by_lower[near[0]]!r}?" if near else ""


def times(count: int) -> str:
    """Return a count of two or more as an adverb: `twice`, `3 times`."""
    return "twice" if count == 2 else f"{count} times"


def count(number: int, noun: str) -> str:
    """Return `1 tenant`, `2 tenants`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def describe_os_error(error: OSError) -> str:
    """Return why the system refused something, in lower case: `permission denied`."""
    return (error.strerror or str(error)).lower()
