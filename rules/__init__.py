"""One rule a file; the folder is walked, nothing lists the rules. See README.md here."""
