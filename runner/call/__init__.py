"""One call of the command: its run, its errors, and the words in which it was typed."""
