"""Drafts of DDL: the statements that make one schema into another, for a person to review."""

from runner.ddl.draft import Draft, Risk, render
from runner.ddl.write import write_ddl

__all__ = ["Draft", "Risk", "render", "write_ddl"]
