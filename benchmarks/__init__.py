"""Every claimed figure, as a command: a table, then one line of JSON."""
