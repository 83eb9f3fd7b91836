"""Executes the runs of a study on the machines of a cluster: as tasks of Ray, or as jobs of SLURM."""
