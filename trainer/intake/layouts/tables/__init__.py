"""Tables that say what each image is."""
