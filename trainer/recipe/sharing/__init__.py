"""Trainings of one tailoring that several processes carry out."""
