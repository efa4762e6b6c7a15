"""What tailoring costs; `python -m benchmarks.training`."""
