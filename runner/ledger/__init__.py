"""The record of a tenant: the files that were applied to its database, kept in that database."""
