from tests.webhooks.conftest import _this_machine_may_be_called, office, receiver

__all__ = ["_this_machine_may_be_called", "office", "receiver"]
