"""Versioned bundles: records, a Redis index, content-addressed files, policies; needs no torch."""
