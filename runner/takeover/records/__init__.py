"""The records and files of other migration tools, one module for each tool.

A history only reads. Whether its claims are true is decided elsewhere, by the catalog.
"""
