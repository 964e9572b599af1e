"""tenants.yaml and the environment, as a `Config`: mistakes are reported together, each with its line and column.

`parse` is pure. No message, hint or repr shows a connection string, since it may hold a password.
"""
