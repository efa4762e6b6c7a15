"""`nettailor inspect`, and the look that `nettailor tailor` takes before it uploads anything."""
