"""Run it with `grip-lambda host weather`, in this folder."""

READINGS = {"Zürich": 21.5, "Oslo": 14.0}


def cities():
    return sorted(READINGS)


def temperature(body):
    return READINGS[body["city"]]
