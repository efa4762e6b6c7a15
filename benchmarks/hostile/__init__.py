"""Thousands of requests that nobody means well by, with kills and a full disk; `python -m benchmarks.hostile`."""
