"""`python -m runner`: the same as `tenantry`."""

from runner.cli import main

if __name__ == "__main__":
    main()
