"""Apply files to one tenant: each whole and with its record, or not at all."""
