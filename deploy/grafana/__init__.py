"""The dashboards as code; `python -m deploy.grafana.build` writes them for Grafana's provisioning."""
