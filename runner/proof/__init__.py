"""Whether a tenant has the schema that its files describe, by its catalog."""
