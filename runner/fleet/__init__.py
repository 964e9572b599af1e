"""Many tenants in one run: which, in what order, how many at once."""
