"""The patterns of names and texts in tenants.yaml and the lists that it refers to."""

TEXT_PATTERN = r"^[^\x00-\x1f\x7f]+$"

# With no braces but those of {id}.
DATABASE_PATTERN = r"^([^{}\x00-\x1f\x7f]|\{id\})+$"

ID_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$"

# An address, or a reference to the environment that may hold one.
URL_PATTERN = r"^(https?://|\$\{)[^\x00-\x20\x7f]+$"
