"""The outputs, one module each: a sink is called with every event of a run, and with nothing else.

A format is added by its module and its line in `FORMATS`. stdout holds the format alone; talk goes to stderr.
"""
