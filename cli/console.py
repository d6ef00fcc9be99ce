"""`tierstream console`: the pages for a browser, in a process of their own."""

from __future__ import annotations

import uvloop

from cli.api import Served, serve
from cli.errors import one_sentence
from config.settings import load_settings


def console() -> None:
    """Serve the console: dashboards, customers and work lists for a browser, until stopped.

    It reads the view in Redis and the changes in Kafka, as the API does, and takes the same tokens;
    all settings of the API apply but its port. See docs/console.md.
    """
    from serving.api.server import ApiServerError
    from serving.api.token_file import TokenFileError
    from streams.runtime.http_server import HttpServerError
    from streams.runtime.logs import configure_logging

    with one_sentence(ApiServerError, HttpServerError, TokenFileError):
        settings = load_settings()
        settings = settings.model_copy(update={"api_port": settings.console_port})
        configure_logging(settings.log_level, settings.log_format)
        uvloop.run(serve(settings, Served.CONSOLE))
