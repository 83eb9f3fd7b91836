"""Many runs, planned, gone on with and compared."""
