"""Commands, buttons and dialogs of Discord, over HTTP."""
