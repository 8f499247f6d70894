"""Values for what nobody has given: arguments, inputs, sizes. Child only."""
