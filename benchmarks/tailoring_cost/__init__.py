"""What tailoring costs beside an earlier build of it."""
