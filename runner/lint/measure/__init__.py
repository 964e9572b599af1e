"""The effect of each statement on a database that has rows, measured on a scratch database and kept."""
