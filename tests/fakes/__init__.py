"""Far ends of wires: servers that speak a platform's protocol so that its real client library connects to them."""
