"""A password hasher for tests: the real one with a single round. What it makes, the real one checks
too.
"""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class OneRound(PBKDF2PasswordHasher):
    iterations = 1
