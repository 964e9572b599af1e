"""Drafts of DDL: the statements that make one schema into another, for a person to review."""

from tenantry.schema.ddl.draft import Draft, Risk, render
from tenantry.schema.ddl.write import write_ddl

__all__ = ["Draft", "Risk", "render", "write_ddl"]
