"""The HTTP API: decode, call the engine, encode. Rules live in ``engine``; problems are mapped once."""
