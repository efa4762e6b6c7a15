"""Files in which many images are one array of numbers."""
