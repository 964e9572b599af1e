"""The order in which statements work, and which of them need one that is a comment.

There is one order for creating, changing and dropping: each statement comes after those that it needs. It may need an
object that another one creates, a name or an object that another one frees, or that a dependent object is out of the
way. If needs form a circle, the stages and phases decide.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tenantry.schema.ddl.draft import Phase, Risk, Step, Urgency
from tenantry.schema.ddl.names import RELATIONS, find_names, find_words
from tenantry.schema.snapshot import ObjectKey

# The statements that change nothing that another statement needs.
_IDLE = (Phase.OWNER, Phase.GRANT, Phase.COMMENT)
_FIRST_LINE = 100  # Arbitrary, for the eye.


@dataclass
class _Graph:
    """The needs between steps, by index. Those of `strict` fail without the other; the rest is order alone."""

    steps: Sequence[Step]
    needs: list[set[int]]
    strict: list[set[int]]
    creators: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    droppers: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    freed: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    takers: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    about: dict[ObjectKey, list[int]] = field(default_factory=lambda: defaultdict(list))
    gone: dict[ObjectKey, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, later: int, earlier: Iterable[int], *, strict: bool) -> None:
        """Note that a step comes after others."""
        others = {one for one in earlier if one != later}
        self.needs[later] |= others
        if strict:
            self.strict[later] |= others


def sort_steps(steps: Sequence[Step]) -> list[Step]:
    """Return the steps, each after its needs; what needs a commented statement is a comment that names it."""
    graph = _draw(steps)
    order = _sort(graph)
    marked = list(steps)
    for index in order:
        # In a circle one of the two comes without the other.
        if steps[index].draft.kind is Risk.ADDITIVE and steps[index].draft.sql:
            blocking = next((n for n in sorted(graph.strict[index]) if _is_comment(marked[n])), None)
            if blocking is not None:
                marked[index] = comment_out(steps[index], f"run only after {_first_line(steps[blocking])}")
    return [marked[index] for index in order]


def comment_out(step: Step, reason: str) -> Step:
    """Return a step as a comment, for this reason."""
    draft = step.draft
    if draft.kind is not Risk.ADDITIVE:
        return step
    note = "; ".join(filter(None, [reason, draft.note]))
    return replace(step, draft=replace(draft, kind=Risk.DESTRUCTIVE, note=note))


def _is_comment(step: Step) -> bool:
    return step.draft.kind is not Risk.ADDITIVE and bool(step.draft.sql)


def _first_line(step: Step) -> str:
    line, _, rest = step.draft.sql.partition("\n")
    if rest:
        # ALTER TABLE has its actions on the lines that follow.
        line = f"{line} {rest.splitlines()[0].strip()}" if line.startswith("ALTER TABLE") else line
    return line.rstrip(" (,") if len(line) <= _FIRST_LINE else f"{line[:_FIRST_LINE].rstrip()} ..."


def _draw(steps: Sequence[Step]) -> _Graph:
    graph = _Graph(steps, [set() for _ in steps], [set() for _ in steps])
    for index, step in enumerate(steps):
        names = graph.droppers if step.is_drop else graph.creators
        for name in {step.provides, *step.frees} - {""}:
            names[name].append(index)
        for name in step.frees:
            graph.freed[name].append(index)
        for name in step.takes:
            graph.takers[name].append(index)
        for key in step.gone:
            graph.gone[key].append(index)
        if not step.is_drop:
            graph.about[step.key].append(index)
    for index in range(len(steps)):
        _add_own(graph, index)
        _add_named(graph, index)
        _add_mentions(graph, index)
    # A new object would get the new default grants as well.
    created = [index for index, step in enumerate(steps) if step.opens]
    for index in (index for index, step in enumerate(steps) if step.key[0] == "default grants"):
        graph.add(index, created, strict=False)
    return graph


def _add_own(graph: _Graph, index: int) -> None:
    """Add the statements about the same object, in the order in which they were written."""
    step = graph.steps[index]
    if step.is_drop:
        # A column is detached before it is dropped.
        graph.add(index, (other for other in graph.gone[step.key] if other < index), strict=False)
        return
    before = [other for other in graph.about[step.key] if other < index]
    graph.add(index, before, strict=False)
    graph.add(index, (other for other in before if graph.steps[other].opens), strict=True)
    graph.add(index, graph.gone.get(step.key, ()), strict=True)


def _add_named(graph: _Graph, index: int) -> None:
    """Add the statements about the objects that a step is said to need."""
    step = graph.steps[index]
    for key in step.obstacles:
        graph.add(index, graph.gone.get(key, ()), strict=True)
    for key in step.needs:
        graph.add(index, graph.gone.get(key, ()), strict=True)
        made = (other for other in graph.about.get(key, ()) if _is_before(graph.steps[other], step))
        graph.add(index, made, strict=True)


def _is_before(other: Step, step: Step) -> bool:
    if step.phase is Phase.COMMENT:
        return True
    if step.is_drop:
        # What its table loses must not be lost by one that leaves it.
        return other.draft.sql.endswith(f" DETACH PARTITION {other.key[1]}") and step.key[0] in {"column", "constraint"}
    if step.phase is other.phase is Phase.LINK and {step.key[0], other.key[0]} <= RELATIONS:
        # Of two tables that trade their places, each needs only that the other has left.
        return False
    # A new table may hold the rows of another one, whose columns change first; a function may name a key.
    latest = max(step.phase, Phase.INDEX if step.phase is Phase.FUNCTION else Phase.COLUMN)
    return other.phase not in _IDLE and other.phase <= latest


def _add_mentions(graph: _Graph, index: int) -> None:
    """Add the statements about the names that a step mentions, takes or no longer mentions."""
    step = graph.steps[index]
    text = step.reads or step.draft.sql
    words = find_words(text)
    names = graph.droppers if step.is_drop else graph.creators
    for name in find_names(text):
        others = [other for other in names.get(name, ()) if _is_needed(graph.steps[other], step, words)]
        if step.is_drop:
            for other in others:
                graph.add(other, [index], strict=False)
        else:
            graph.add(index, others, strict=False)
            graph.add(index, (other for other in others if graph.steps[other].opens), strict=True)
    for name in step.takes:
        graph.add(index, graph.freed.get(name, ()), strict=True)
    for name in step.picks:
        graph.add(index, graph.takers.get(name, ()), strict=False)
    for name in find_names(step.left):
        for other in graph.droppers.get(name, ()):
            if graph.steps[other].urgency is Urgency.LAST and step.key not in graph.steps[other].gone:
                graph.add(other, [index], strict=False)


def _is_needed(other: Step, step: Step, words: set[str]) -> bool:
    if other.is_whole and (other.key == step.key or step.provides in find_names(other.draft.sql)):
        # A type's own functions, which its definition names, need only its shell.
        return False
    # A text mentions its own name, which is also that of a table's columns and of a function with other arguments.
    own = other.key == step.key or (other.provides == step.provides and not step.column)
    return not own and (not other.column or other.column in words)


def _sort(graph: _Graph) -> list[int]:
    """Return the indexes of the steps, each after its needs; among the free ones, the lowest rank comes first."""
    steps, needs = graph.steps, graph.needs
    left = [len(need) for need in needs]
    followers: list[list[int]] = [[] for _ in steps]
    for index, need in enumerate(needs):
        for other in need:
            followers[other].append(index)
    ranks = [(*_rank(step), index) for index, step in enumerate(steps)]
    free = [ranks[index] for index, count in enumerate(left) if not count]
    heapq.heapify(free)
    # For circles: when nothing is free, the lowest rank goes first although its needs are not met.
    waiting = sorted((ranks[index] for index, count in enumerate(left) if count), reverse=True)
    done: set[int] = set()
    ordered: list[int] = []
    while free or waiting:
        index = (heapq.heappop(free) if free else waiting.pop())[-1]
        if index in done:
            continue
        done.add(index)
        ordered.append(index)
        for follower in followers[index]:
            left[follower] -= 1
            if not left[follower]:
                heapq.heappush(free, ranks[follower])
    return ordered


def _rank(step: Step) -> tuple[int, int]:
    """Return the place of a step that nothing orders: drops run in the reverse order of their phases."""
    return step.urgency, -step.phase if step.is_drop else step.phase
