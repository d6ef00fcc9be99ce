"""The HTTP API: what the view knows, changes as they happen, and erasure on request.

It answers from Redis and streams from Kafka; the engine never waits for it. Begin reading at
`app.py`, which builds the application; `routes/` has one module for each group of paths.
"""
