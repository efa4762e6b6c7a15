"""The machine: devices, threads, ways to run a convolution."""
