"""The nouns of the house, codes, units, errors and the registry; standard library only."""
