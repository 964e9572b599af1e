"""tenantry: brings every tenant database to the same, proven schema."""

__version__ = "0.1.0"
