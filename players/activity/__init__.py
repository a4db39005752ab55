"""Active minutes: reports of games, the rows they become, and sums over days."""
