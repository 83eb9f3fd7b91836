"""Answers a request: pictures become samples, which are predicted together with those of other requests, and drawn."""
