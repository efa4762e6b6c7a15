"""One run of SGD."""
