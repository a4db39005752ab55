"""The portal (`portal/`, Next.js) on one machine: Node.js, its packages, its build, its server."""
