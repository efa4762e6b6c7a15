"""The running service, and talking to it."""
