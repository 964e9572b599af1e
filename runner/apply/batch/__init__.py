"""A large change in batches: each covers a range of the primary key and commits together with its progress.

Since both are one transaction, no batch is lost or repeated, whatever dies.
"""
