"""What an operator starts or installs: roles of containers and units, proxies, platforms."""
