from django.dispatch import Signal

# Sent by the sealer once a seal has committed, with `seal` (chain.SealFields): events have got
# their positions.
sealed = Signal()
