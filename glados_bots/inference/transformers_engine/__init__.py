"""The engine on transformers: continuous batching, LoRAs beside one base, quantisation, the fast step on a CPU."""
