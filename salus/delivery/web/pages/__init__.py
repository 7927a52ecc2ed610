"""One file a page: what the page needs, as plain values that its template only lays out."""
