"""The NetTailor method (Morgado & Vasconcelos, CVPR 2019) and the bundle format: no web, no Redis."""
