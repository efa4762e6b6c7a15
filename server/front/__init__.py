"""Fronts: processes that take requests, decode images and have the engine's process answer (`NETTAILOR_FRONTS`)."""
