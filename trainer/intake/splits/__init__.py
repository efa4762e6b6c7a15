"""Train, validation and test: which image goes where, and which ones belong together."""
