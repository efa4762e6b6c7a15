"""From an upload to a frozen dataset."""
