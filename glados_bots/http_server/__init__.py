"""What all our HTTP servers share: bounds of the protocol, addresses, ports."""
