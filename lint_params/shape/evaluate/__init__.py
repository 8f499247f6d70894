"""Python as people write it in modules, evaluated over symbolic values."""
