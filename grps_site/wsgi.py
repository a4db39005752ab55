import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grps_site.settings")
application = get_wsgi_application()

# Objects made at start-up live for ever. Frozen, they are not scanned at every collection.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 50)
