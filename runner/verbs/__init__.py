"""The verbs, one module each: its arguments and what it does for one tenant.

A verb is added by its module and its line in `VERBS`; the command line, the outputs and the fleet stay as they are.
"""
