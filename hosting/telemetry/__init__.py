"""What is told: logs, traces, request ids."""
