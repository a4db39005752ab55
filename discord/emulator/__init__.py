"""An emulator of Discord's API, which stands alone: tests and `make up` use it."""
