"""Serves an exported model as a web page and an HTTP endpoint; pictures are deleted after the answer."""
