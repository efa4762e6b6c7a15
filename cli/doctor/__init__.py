"""`nettailor doctor`."""
