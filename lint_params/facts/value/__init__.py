"""What an expression is: its kind, how it was made, its sizes, the words and numbers it can be."""
