"""Every method of adapting one backbone to many tasks, trained and served the same way."""
