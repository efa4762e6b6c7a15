"""Int8 arithmetic: in which ranges a task's activations lie, and what a network computes with rounded numbers."""
