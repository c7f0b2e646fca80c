"""What all our HTTP servers have in common: bounds of the protocol, and who can reach a port."""
