"""A private Redis server."""
