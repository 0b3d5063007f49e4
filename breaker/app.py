"""The composition root: settings become wired parts. The only file that names concrete adapters."""
