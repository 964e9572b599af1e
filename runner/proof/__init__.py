"""Whether a tenant is what its files say, by its catalog."""
