"""The collection of garbage: put off while the program loads, which makes none."""

import gc


def put_off() -> None:
    """Have no garbage collected: while loading, that would be a fifth of the time until the run begins."""
    gc.disable()


def keep_loaded() -> None:
    """Have the garbage collector begin here, and leave alone what is loaded: it stays until the end."""
    gc.freeze()
    gc.enable()
