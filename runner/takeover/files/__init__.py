"""The files of other tools as files of this one, one module each. A conversion only reads; `write_files` alone writes.

What would be lost is refused or noted, never dropped.
"""
