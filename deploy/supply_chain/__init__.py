"""What comes from others: known vulnerabilities of packages, digests of images."""
