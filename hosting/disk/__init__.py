"""The disk of the data folder: its reserve, and what killed processes leave on it."""
