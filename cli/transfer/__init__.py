"""Versions carried between installations, as files."""
