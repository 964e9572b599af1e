"""What files would do to a live database: one rule a module, by the syntax and by what was measured. Pure."""
