"""Changes of an event: published, paused, repriced, cancelled."""
