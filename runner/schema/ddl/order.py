"""The order in which statements work: each after those that create the objects its text mentions.

If names form a circle, the phases decide.
"""

import heapq
from collections import defaultdict
from collections.abc import Sequence

from tenantry.schema.ddl.draft import Step
from tenantry.schema.ddl.names import find_names, find_words


def sort_makes(steps: Sequence[Step]) -> list[Step]:
    """Return the steps, each after those that provide what it reads."""
    return _sort(steps, _find_needs(steps), [step.phase for step in steps])


def sort_drops(steps: Sequence[Step]) -> list[Step]:
    """Return the steps, each before those that drop what it reads."""
    before: list[set[int]] = [set() for _ in steps]
    for index, needs in enumerate(_find_needs(steps)):
        for need in needs:
            before[need].add(index)
    return _sort(steps, before, [-step.phase for step in steps])


def _find_needs(steps: Sequence[Step]) -> list[set[int]]:
    providers: dict[str, list[int]] = defaultdict(list)
    last: dict[tuple[str, str], int] = {}
    for index, step in enumerate(steps):
        if step.provides:
            providers[step.provides].append(index)
    needs: list[set[int]] = []
    for index, step in enumerate(steps):
        text = step.reads or step.draft.sql
        words = find_words(text)
        mentioned = (other for name in find_names(text) for other in providers.get(name, ()))
        needs.append({other for other in mentioned if _is_needed(steps[other], step, words)})
        # The statements about one object keep the order in which they were written.
        if step.key in last:
            needs[index].add(last[step.key])
        last[step.key] = index
    return needs


def _is_needed(other: Step, step: Step, words: set[str]) -> bool:
    # A text mentions its own name, which is also that of a table's columns and of a function with other arguments.
    own = other.key == step.key or (other.provides == step.provides and not step.column)
    return not own and (not other.column or other.column in words)


def _sort(steps: Sequence[Step], needs: Sequence[set[int]], ranks: Sequence[int]) -> list[Step]:
    """Return the steps, each after its needs; among the free ones, the lowest rank comes first."""
    left = [len(need) for need in needs]
    followers: list[list[int]] = [[] for _ in steps]
    for index, need in enumerate(needs):
        for other in need:
            followers[other].append(index)
    free = [(ranks[index], index) for index, count in enumerate(left) if not count]
    heapq.heapify(free)
    # For circles: when nothing is free, the lowest rank goes first although its needs are not met.
    waiting = sorted(((ranks[index], index) for index, count in enumerate(left) if count), reverse=True)
    done: set[int] = set()
    ordered: list[Step] = []
    while free or waiting:
        _, index = heapq.heappop(free) if free else waiting.pop()
        if index in done:
            continue
        done.add(index)
        ordered.append(steps[index])
        for follower in followers[index]:
            left[follower] -= 1
            if not left[follower]:
                heapq.heappush(free, (ranks[follower], follower))
    return ordered
