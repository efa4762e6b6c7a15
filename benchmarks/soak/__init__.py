"""Half an hour of everything at once, every answer checked; `python -m benchmarks.soak`."""
