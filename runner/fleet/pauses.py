"""Between two stages of a rollout: the pause, and the gate that has to open."""

import time
from collections.abc import Iterator

from tenantry.fleet.brake import Brake
from tenantry.fleet.stop import Stop
from tenantry.fleet.ticks import Ticks
from tenantry.model.durations import describe_span
from tenantry.model.events import StageHeld, TimePassed
from tenantry.model.rollout import BY_GATE, Stage

# Arbitrary: how soon a signal is noticed.
_STEP_S = 0.1
# Arbitrary: a gate is asked this often while it lasts, and at least so many times.
_ASK_S = 10.0
_TIMES = 20


def await_next(stage: Stage, stop: Stop, brake: Brake, ticks: Ticks) -> Iterator[StageHeld | TimePassed]:
    """Wait until the next stage may start; where its gate stays shut, nobody is started any more.

    A stop of the run ends the wait, and so does a brake that has been pulled.
    """
    if _is_over(stop) or brake.tripped:
        return
    if stage.pause_s:
        yield StageHeld(stage.name, f"a pause of {describe_span(stage.pause_s)}", 0)
        yield from _sleep(stage.pause_s, stop, ticks)
    if stage.gate is None:
        return
    started = time.monotonic()
    while shut := stage.gate():
        waited_s = time.monotonic() - started
        if _is_over(stop):
            return
        if waited_s >= stage.gate_timeout_s:
            limit = describe_span(stage.gate_timeout_s)
            brake.close(BY_GATE, f"the gate of stage {stage.name!r} stayed shut for {limit}: {shut}")
            return
        yield StageHeld(stage.name, f"its gate: {shut}", int(waited_s * 1000))
        yield from _sleep(min(_ASK_S, stage.gate_timeout_s / _TIMES), stop, ticks)


def _is_over(stop: Stop) -> bool:
    """Return whether the run is to end: a signal may say so at any time."""
    return bool(stop.reason)


def _sleep(seconds: float, stop: Stop, ticks: Ticks) -> Iterator[TimePassed]:
    until = time.monotonic() + seconds
    while not _is_over(stop) and (left := until - time.monotonic()) > 0:
        # In pieces: a signal only sets the reason, and must not wait for the end of a pause of minutes.
        time.sleep(min(left, _STEP_S))
        if not ticks.left_s:
            yield ticks.take()
