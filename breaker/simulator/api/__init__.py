"""The platform's API over HTTP, one file per resource."""
