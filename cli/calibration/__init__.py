"""`nettailor calibrate`."""
