"""The documents say what the program does. `python -m tests.unit.docs` writes the parts of them that are generated."""
