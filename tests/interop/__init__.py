"""Our programs against the programs that people use."""
