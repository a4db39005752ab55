import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grps_site.settings")
application = get_wsgi_application()

# Objects created at start-up live for ever. Frozen objects are not scanned at every garbage
# collection.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 50)
