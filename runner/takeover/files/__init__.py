"""Conversions of other tools' migration files, one module for each tool. They only read; only `write_files` writes.

Content that cannot be converted is refused or noted, never dropped.
"""
