"""What happens to Parameters: writes to ``.data``, initialisation, lazy shapes."""
