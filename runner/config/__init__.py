"""tenants.yaml and the environment, as a `Config`: every mistake is named with its line and column, many at once.

`parse` is pure. No message, hint or repr shows a connection string, since it may hold a password.
"""
