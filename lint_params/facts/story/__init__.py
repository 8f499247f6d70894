"""What a function does to models and optimizers, step by step."""
