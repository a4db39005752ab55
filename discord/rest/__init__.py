"""Discord's REST API: a client that keeps to the limits, and a module for each resource."""
