"""What people serve models with today, each an HTTP server of its own: the other sides of `benchmarks.http`."""
