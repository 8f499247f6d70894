"""lint-params: finds PyTorch parameters that will not learn and layers that do not fit."""

__version__ = "0.1.0"
