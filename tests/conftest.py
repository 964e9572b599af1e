"""What every test may ask for."""

pytest_plugins = ["pytester", "tests.fix_postgres", "tests.fix_pgbouncer", "tests.fix_scram"]
