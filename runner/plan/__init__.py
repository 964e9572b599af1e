"""What is to be done: files and records in, a plan out. Pure."""
