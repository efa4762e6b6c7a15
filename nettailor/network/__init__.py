"""The networks: backbones, students, proxies, losses."""
