"""Documents of untrusted uploads, parsed within bounds."""
