"""Methods other than NetTailor."""
