"""`grip-lambda serve`: Pushpin and the backend on one machine, watched over."""
