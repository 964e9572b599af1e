"""The fleet carried by workers."""
