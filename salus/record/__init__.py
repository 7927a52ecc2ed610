"""Evidence in: FHIR, bulk exports, live servers; at rest: the archive."""
