"""What `nettailor registry` prints of versions."""
