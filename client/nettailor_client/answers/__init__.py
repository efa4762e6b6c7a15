"""What a service answers, one noun a file."""
