"""The images' lists of packages."""
