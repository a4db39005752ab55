"""What other systems may read for analytics: views, and a publication for a warehouse.

config/analytics.json declares the tables and columns. docs/analytics.md is the guide.
"""
