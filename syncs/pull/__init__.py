"""What is pulled from Roblox: one module for each activity, and the runner that carries a job on."""
