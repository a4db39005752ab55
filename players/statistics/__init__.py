"""Figures for public pages: periods, records, positions of past days, players by rank.

Ingestion does not write them. Tasks recompute them from `daily_points` for the players who changed,
so a repeated or interrupted run changes nothing.
"""
