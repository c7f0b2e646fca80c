"""The endpoints that load and unload LoRAs while the service runs, as vLLM names them."""
