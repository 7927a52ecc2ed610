"""Where evidence can come from besides a caller: published sets, and the ward that ships."""
