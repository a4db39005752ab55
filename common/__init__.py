"""Helpers that every app may use. They import no app."""
