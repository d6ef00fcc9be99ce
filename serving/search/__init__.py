"""Finding customers in the view: by facets and ranges, in the order of a rank, page by page."""
