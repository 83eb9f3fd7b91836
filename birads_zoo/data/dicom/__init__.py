"""Reads DICOM files: the grey image, and the side, view and patient that the header gives."""
