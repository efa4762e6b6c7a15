"""Exported networks in other runtimes, beside the whole network exported the same way."""
