"""What is measured: calls through Pushpin, beside the least that a backend can do for one."""
