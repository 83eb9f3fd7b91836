"""Pages, figures and tables of audits, runs and studies."""
