"""What happened: immutable records, and the Redis index they fold into."""
