"""What can be asked, described once for both clients, one noun a file."""
