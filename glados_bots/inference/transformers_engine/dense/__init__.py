"""The second scheduler: the model's own cache, for classes that the library's paged attention cannot serve."""
