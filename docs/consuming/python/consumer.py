"""Consumes events of DeliveryQueue: each change once. A failed event does not delay the others of its batch."""

import json
import os

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function

logger = Logger(service="consumer")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
seen = DynamoDBPersistenceLayer(table_name=os.environ["SEEN_TABLE"])
config = IdempotencyConfig(
    event_key_jmespath="id",
    raise_on_no_idempotency_key=True,
    # Longer than the queues of the stack keep a message.
    expires_after_seconds=19 * 24 * 60 * 60,
)


def handler(batch, context):
    # Powertools needs the remaining time: an invocation that is cut off must not block the next one.
    config.register_lambda_context(context)
    return process_partial_response(event=batch, record_handler=consume, processor=processor, context=context)


def consume(record):
    process(event=json.loads(record.body))


@idempotent_function(data_keyword_argument="event", persistence_store=seen, config=config)
def process(event):
    """Runs once for each id. The id is remembered only if nothing is raised, so make your code safe to run twice."""
    name, data = event["type"].removeprefix("Microsoft.Graph."), event["data"]
    match name:
        case "SubscriptionMissed" | "SubscriptionRemoved" | "SubscriptionRecreated":
            gap_began(event["subscription"], data.get("lostFrom"), data["lostUntil"], data["reason"])
        case "CatchUpCompleted" if data["complete"]:
            logger.info("The gap is closed", gap=data["gap"])
        case "CatchUpCompleted":
            catch_up(event["subscription"], data["from"], data["until"], data.get("reason"))
        case _ if data.get("changeType") == "deleted":
            delete(event.get("subject"))
        case _ if "content" in data:
            store(event.get("subject"), data["content"])
        case _:
            # A basic notification, content larger than a message (`contentOmitted`), or content that could not be fetched (`contentMissing`).
            fetch(event.get("subject"))


# Your code from here on.


def store(path, content):
    logger.info("Store the resource", path=path, members=len(content))


def fetch(path):
    logger.info("GET the current state of the resource; 404 means that it was deleted or moved", path=path)


def delete(path):
    logger.info("Delete the resource", path=path)


def gap_began(subscription, lost_from, lost_until, reason):
    """The reader catches up and sends CatchUpCompleted. If the stack has Reader=disabled, catch up here."""
    logger.info("Notifications were lost", subscription=subscription, lost=[lost_from, lost_until], reason=reason)


def catch_up(subscription, start, end, reason):
    logger.warning("Read the changes that the reader could not read", subscription=subscription, time=[start, end], reason=reason)
