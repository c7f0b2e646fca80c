"""The HTTP side of the service: access, the format of requests, and streamed answers. Nothing here imports torch."""
