"""What the test of the benchmark may ask for: a folder for servers."""

pytest_plugins = ["tests.fix_postgres"]
