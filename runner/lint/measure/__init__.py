"""What each statement of the files does to a database that has rows: measured once on a scratch database, and kept.

What is kept is found by all that it depends on: the texts of the files up to there, the server's major, how it is
measured.
"""
