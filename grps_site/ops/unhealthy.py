"""The error of a health check."""


class Unhealthy(Exception):
    """A dependency does not work. The message says what is wrong and what to do."""
