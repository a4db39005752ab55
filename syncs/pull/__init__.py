"""Pulls from Roblox: one module for each activity, and the runner of jobs."""
