"""What several public data sets share."""
