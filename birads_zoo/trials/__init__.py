"""What the conformance kit does to parts of each kind, and what it asks of them."""
