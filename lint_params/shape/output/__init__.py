"""What was found, for readers: findings, tables, reasons."""
