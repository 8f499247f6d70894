"""What is run of a file, and with which values."""
