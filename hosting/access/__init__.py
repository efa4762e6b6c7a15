"""Who may do what: keys, routes and their scopes, rate limits, the audit log."""
