"""`nettailor demo`."""
