"""The three stores. Drivers are touched here only, and their exceptions end here."""
