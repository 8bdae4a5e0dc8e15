"""The house: embedded servers and the supervisor behind `./oxinate`. Imported by nothing else, unused in production."""
