"""What a version must show to go live."""
