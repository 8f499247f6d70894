"""What trains: optimizers, gradients, ``requires_grad``."""
