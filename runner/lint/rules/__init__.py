"""The rules: one module each, which exports its `RULE`, and `UNSAFE`: files in which it finds something."""
