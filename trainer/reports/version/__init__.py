"""The page on how a version was made, and its pictures."""
