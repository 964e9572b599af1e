"""What was applied to a tenant, as its own database records it."""
