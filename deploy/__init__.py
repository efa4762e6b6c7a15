"""What runs the service elsewhere: dashboards, alerts, images, manifests."""
