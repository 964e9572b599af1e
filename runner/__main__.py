"""`python -m tenantry`: the same as `tenantry`."""

from tenantry.cli import main

if __name__ == "__main__":
    main()
