from django.dispatch import Signal

# Sent by the sealer after a seal has committed, with `seal` (chain.SealFields). Its events have
# positions now.
sealed = Signal()
