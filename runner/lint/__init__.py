"""The effect of files on a live database: one module per rule, and the measurement that the rules judge."""
