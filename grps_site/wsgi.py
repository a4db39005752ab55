import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grps_site.settings")
application = get_wsgi_application()

# What start-up made stays for ever: the collector need not walk it for every few hundred objects of
# a request.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 50)
