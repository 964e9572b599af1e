"""The name that a table had before statements that create or rename tables."""

from collections.abc import Sequence

from tenantry.lint.reading import find_created
from tenantry.model.effects import Measured
from tenantry.sqltext.library import read_tree


def trace(name: str, effects: Sequence[Measured]) -> tuple[str, bool]:
    """Return the name that a table had before statements ran, in order, and whether one of them created it.

    The name of one that was created is the one that it was given then.
    """
    for effect in reversed(effects):
        name = dict(effect.renamed).get(name, name)
        if name in (find_created(*read_tree(effect.text)) if effect.unmeasured else effect.created):
            return name, True
    return name, False
