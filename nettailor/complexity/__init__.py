"""What paths cost, and which ones go."""
