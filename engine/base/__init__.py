"""The foundation: settings, errors, logs, metrics, time limits. Imports nothing above it."""
