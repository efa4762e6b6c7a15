"""What other people's clients do with our server, each in an environment of its own."""
