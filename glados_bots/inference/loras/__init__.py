"""LoRAs that come and go while the service runs: which names, from which folders, and how many."""
