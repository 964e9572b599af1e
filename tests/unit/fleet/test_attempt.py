"""What a worker does with a batch whose tenants take long: those that nobody has begun are for others, once."""

from concurrent.futures import Future

from tenantry.fleet.workers.attempt import _recall


def test_recalled_once() -> None:
    """Tenants that no thread has begun are taken back, and not a second time."""
    begun, waiting, done = Future[None](), Future[None](), Future[None]()
    begun.set_running_or_notify_cancel()
    done.set_result(None)
    submitted = {"1": begun, "2": waiting, "3": done}
    assert _recall(submitted) == ("2",)
    assert _recall(submitted) == ()
