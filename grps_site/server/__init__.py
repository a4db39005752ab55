"""The web server: uvicorn with deadlines, and Django's WSGI application in a few threads.

A request gets a thread only when it has arrived completely. Start: `python -m grps_site.server`.
"""
