"""What everything else stands on: settings, errors, logs, metrics, time limits. Imports nothing above it."""
