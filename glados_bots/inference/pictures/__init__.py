"""Pictures of a request: what may come, and how their bytes become pixels."""
