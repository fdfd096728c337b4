"""The three stores. Only this package uses their drivers, and it translates the drivers' exceptions."""
