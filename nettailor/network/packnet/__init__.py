"""PackNet: tasks that fill, one after another, what a pruned backbone leaves free (Mallya & Lazebnik 2018)."""
