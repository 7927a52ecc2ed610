"""What may happen to this patient, by published equations and scores."""
