"""How long requests get when a service stops."""

GRACE_SECONDS = 3  # uploads, after the accepted predictions
