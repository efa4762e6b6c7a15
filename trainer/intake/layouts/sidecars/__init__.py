"""Files that lie beside each image, are called as it is, and say what it shows."""
