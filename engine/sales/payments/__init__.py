"""Payment gateways: what the engine asks of one, the gateways that are set up, and the sandbox."""
