"""Turns an uploaded data set into a published bundle: intake, jobs, recipe, publishing."""
