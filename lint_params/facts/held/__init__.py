"""Where modules and Parameters are kept, and whether torch finds them there."""
