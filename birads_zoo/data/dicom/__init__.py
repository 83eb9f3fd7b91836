"""From a DICOM file to a grey image, and what its header says of side, view and patient."""
