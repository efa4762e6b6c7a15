"""From a bundle to a version."""
