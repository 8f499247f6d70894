"""Symbolic sizes: polynomials with integer coefficients, and what is said of two of them."""
