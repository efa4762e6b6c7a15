"""Whether files of weights as other tools write them are read exactly, or refused with the reason."""
