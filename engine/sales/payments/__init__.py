"""Payment gateways: the protocol, the configured gateways, and the sandbox."""
