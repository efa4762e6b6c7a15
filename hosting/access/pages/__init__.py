"""What people look at in a browser, which sends no key by itself."""
