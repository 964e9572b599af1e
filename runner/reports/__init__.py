"""The reports, one module for each format: a sink is called with every event of a run, and with nothing else.

To add a format, add its module and its line in `FORMATS`. stdout is for the format only; messages go to stderr.
"""
