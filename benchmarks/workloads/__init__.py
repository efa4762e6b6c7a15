"""Tasks and bundles to measure with."""
