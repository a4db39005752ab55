"""Pulls from Roblox: a module for each activity, and the runner that carries a job on."""
