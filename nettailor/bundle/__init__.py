"""The file of one version."""
