"""Tasks in slots of one tensor, for devices that multiply all tasks of a batch at once."""
