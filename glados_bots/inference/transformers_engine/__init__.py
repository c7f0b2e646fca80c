"""The engine on transformers: continuous batching, LoRAs beside one base, quantisation, a fast step on a CPU."""
