"""The classifier: backbone, the line between features and head, and the head."""
