"""The web server: uvicorn at the sockets, Django's WSGI application in a few threads, and deadlines
before them.

No thread is taken before a request has arrived as a whole. `python -m grps_site.server` is the one
way to start it.
"""
