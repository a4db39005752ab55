"""The production password hasher with a single round, for tests.

The production hasher accepts its hashes.
"""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class OneRound(PBKDF2PasswordHasher):
    iterations = 1
