"""How a synthetic mammogram is drawn: breast, tissue and lesions."""
