"""Events on their way: published, paused, repriced, cancelled."""
