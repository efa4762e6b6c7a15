"""Whose turn it is: admission, fair queues, batches."""
