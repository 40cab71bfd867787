"""What `make` calls on: the virtual environment, Debian's packages, the drawings in the READMEs."""
