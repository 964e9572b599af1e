"""The version of tenantry, for modules that must not know the public names."""

__version__ = "0.1.0"
