"""The records of other tools, one module each: what they say was applied, and what their files say now.

A history only reads. Whether what it claims is true is decided by the catalog, elsewhere.
"""
