"""Hosted events: trainings, operations and tryouts with a host, attendance and one award.

Locks are taken in this order: the person's turn, the hosted event, the person's day, the players.
"""
