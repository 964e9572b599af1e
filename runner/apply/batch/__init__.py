"""A large change in batches: each a range of the primary key, in a transaction of its own together with its progress.

What a batch has changed and that it has are committed as one: whatever dies, no batch is lost or repeated.
"""
