"""The console: pages for a browser, drawn from the HTTP API's own answers."""
