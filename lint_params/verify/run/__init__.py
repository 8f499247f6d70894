"""One run of a subject, watched and judged. Child only."""
