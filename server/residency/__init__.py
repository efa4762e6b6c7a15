"""Which bundles are in which tier."""
