"""Journals: what each run did, tenant by tenant, in a file that only grows."""
