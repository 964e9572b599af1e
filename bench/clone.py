"""A fresh clone: one new file for one tenant, from a folder in which nothing is kept from any run before."""

import shutil
from collections.abc import Iterator

from bench.cases import Bench, Row

CLONE, NEW_FILE = "fresh clone", "migrate, a new file, proven"
# Far from those of the other cases.
_TENANT = 3_000_001
_NEWEST = 10


def run_clone(bench: Bench, times: int) -> Iterator[Row]:
    """Measure it; before each time, the tenant and the folder are put back, with the server of scratch databases."""
    project = bench.place.make_project("clone", newest=_NEWEST)
    *_, new = project.files
    text = new.read_bytes()
    new.unlink()
    bench.place.empty([_TENANT])
    config = project.config_of([_TENANT])
    bench.run(bench.tenantry("all before it", config, "migrate"))
    new.write_bytes(text)
    samples = []
    for _ in range(times):
        shutil.rmtree(project.folder / ".tenantry")
        bench.place.undo(new, [_TENANT])
        samples.append(bench.run(bench.tenantry(NEW_FILE, config, "migrate")))
    yield Row(CLONE, NEW_FILE, 1, tuple(samples))
