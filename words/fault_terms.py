"""What goes wrong, for people: reasons of dead letters, and problems of the API."""

from __future__ import annotations

from words.marks import mark

DEAD_LETTERS = {
    "too_large": mark("larger than 256 KiB"),
    "not_json": mark("no JSON object"),
    "missing_field": mark("a required field is missing"),
    "unknown_type": mark("unknown type of event"),
    "wrong_topic": mark("in the wrong topic"),
    "unsupported_schema_version": mark("unsupported schema version"),
    "wrong_type": mark("a field of the wrong type"),
    "invalid_customer_id": mark("invalid customer id"),
    "invalid_timestamp": mark("invalid time"),
    "from_the_future": mark("time in the future"),
    "erased_customer": mark("the customer was erased"),
    "invalid_amount": mark("invalid amount"),
    "unknown_currency": mark("currency without a rate"),
    "invalid_value": mark("invalid value"),
    "conflict": mark("same id, other content"),
    "processing_failed": mark("a fault in the rules"),
}
PROBLEMS = {
    "bad-request": mark("The request is not valid HTTP."),
    "bad-cursor": mark("The page has expired. Begin again."),
    "bad-position": mark("The place in the changes is not known. Begin again."),
    "no-token": mark("The token is missing, wrong or expired."),
    "not-allowed": mark("The token does not allow this."),
    "unknown-path": mark("There is nothing at this address."),
    "unknown-customer": mark("No such customer: never seen, erased, or merged into another."),
    "wrong-method": mark("This is not possible here."),
    "body-too-large": mark("The request is too large."),
    "path-too-long": mark("The address is too long."),
    "wrong-host": mark("Only this machine is served."),
    "bad-parameter": mark("Something asked for is wrong or unknown."),
    "too-many-requests": mark("Too many requests. Wait a moment."),
    "headers-too-large": mark("The request has too large a head."),
    "internal-error": mark("A fault of the program. Its log says more."),
    "view-unavailable": mark("Redis does not answer. Nothing is lost; try again."),
    "no-view": mark("The view in Redis is being filled. Try again in a while."),
    "no-policy": mark("No policy is in force yet. Publish one, or wait for the first worker."),
    "kafka-unavailable": mark("Kafka does not answer. Nothing was done; try again."),
    "too-many-streams": mark("All live feeds are in use. Try again later."),
    "too-busy": mark("Too many queries at once. Try again."),
    "too-slow": mark("It took too long and was given up."),
}
