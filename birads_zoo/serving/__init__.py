"""A model on a web page and behind an HTTP endpoint, for pictures that are gone once they are answered."""
