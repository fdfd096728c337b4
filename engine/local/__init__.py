"""Running Frontrow on one machine: embedded servers, the launcher, the doctor, the demo."""
