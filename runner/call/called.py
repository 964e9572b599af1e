"""What a call has been given before its verb, and what is to be said of it where its report is lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Called:
    """The options in front of the verb, and what is to be said of the run where its report is lost.

    `for_people`: stdout may take a line on what stderr has lost. `given` are the parameters that were typed.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    ends: str = ""
    for_people: bool = True
    given: frozenset[str] = frozenset()
