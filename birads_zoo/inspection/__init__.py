"""What an audit finds: duplicates, labels, formats, and what follows from them."""
