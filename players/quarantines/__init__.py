"""What a key brings beyond what an honest one can: counted (`guarding`), kept apart (`holding`),
decided on by two owners (`deciding`), and let count if they say so (`releasing`).
"""
