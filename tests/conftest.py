"""What every test may ask for."""

import os

from hypothesis import settings

pytest_plugins = ["pytester", "tests.fix_postgres", "tests.fix_pgbouncer", "tests.fix_scram"]

# The same examples in each run, whatever time they take, so that a run fails for its change alone. `make test-oracle`
# looks for new ones, and prints how to reproduce those that it finds.
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("random", derandomize=False, database=None, deadline=None, print_blob=True)
settings.load_profile("random" if os.environ.get("TENANTRY_TEST_ORACLE") == "1" else "same")
