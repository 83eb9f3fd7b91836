"""The specs of public data sets. No reader is imported here."""
