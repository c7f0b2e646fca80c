"""What all our HTTP servers have in common: bounds of the protocol, addresses, ports."""
