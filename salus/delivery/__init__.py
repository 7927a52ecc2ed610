"""Where insights go and reviews come back: CDS Hooks, FHIR, web pages."""
