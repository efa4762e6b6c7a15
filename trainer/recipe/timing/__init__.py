"""Time: how much of it a tailoring has taken and how far it is, how fast its runs are here, and what of the recipe fits
into a limit."""
