"""Charts as SVG, rendered on the server from plain values. Each also has a table of its figures."""
