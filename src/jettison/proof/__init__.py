"""Evidence that a change did what it should and nothing else."""
