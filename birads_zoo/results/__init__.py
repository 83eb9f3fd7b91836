"""Defines the types of a run's results: every JSON file in a run's folder has one (`birads_zoo.files.documents`)."""
