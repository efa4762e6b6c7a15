"""Children, locks and the memory of a process."""
