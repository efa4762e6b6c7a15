"""The `nettailor` command."""
