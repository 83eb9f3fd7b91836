"""Images that are there twice."""
