"""Symbolic shape inference through nn.Module classes."""
