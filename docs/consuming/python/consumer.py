"""Consumes events of DeliveryQueue: each change once. A failed event does not delay the others of its batch."""

import functools
import json
import os
import signal
import time
from datetime import datetime

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
from botocore.exceptions import ClientError

# A repeat can come 48 days later: Graph sends it again for hours, the stack takes notifications of up to 19 days, and an event
# lives for 14 days in DeliveryQueue and UndeliveredQueue, and for 14 days again if an operator moves it back.
REMEMBERED_SECONDS = 48 * 24 * 60 * 60

logger = Logger(service="consumer")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
table = os.environ["SEEN_TABLE"]
seen = DynamoDBPersistenceLayer(table_name=table)
config = IdempotencyConfig(
    event_key_jmespath="id", raise_on_no_idempotency_key=True, expires_after_seconds=REMEMBERED_SECONDS
)


def handler(batch, context):
    # Powertools needs the remaining time: an invocation that is cut off must not block the next one.
    config.register_lambda_context(context)
    # Each message has an equal share of the time, but for a second to answer in: one that hangs fails alone.
    seconds = (context.get_remaining_time_in_millis() / 1000 - 1) / len(batch["Records"])
    consume_in_time = functools.partial(consume, seconds=seconds)
    return process_partial_response(event=batch, record_handler=consume_in_time, processor=processor, context=context)


def consume(record, seconds):
    signal.signal(signal.SIGALRM, out_of_time)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        process(event=json.loads(record.body))
    except Exception:
        logger.exception("A message failed and stays in the queue", message_id=record.message_id)
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def out_of_time(*_):
    raise TimeoutError("the message took longer than its share of the time")


@idempotent_function(data_keyword_argument="event", persistence_store=seen, config=config)
def process(event):
    """Runs once for each id. The id is remembered only if nothing is raised, so make your code safe to run twice."""
    data = event["data"]
    match event["type"].removeprefix("Microsoft.Graph."):
        case "SubscriptionMissed" | "SubscriptionRemoved" | "SubscriptionRecreated":
            gap_began(event)
        case "CatchUpCompleted" if data["complete"]:
            caught_up(event)
        case "CatchUpCompleted":
            catch_up(event)
        case _ if data.get("changeType") == "deleted" and data.get("proof") != "clientState":
            delete(event)
        case _ if "content" in data:
            store(event)
        case _:
            # A basic notification, content larger than a message (`contentOmitted`), content that could not be fetched
            # (`contentMissing`), or content that was not sent (`contentAbsent`). Whoever knows the client state of an entry can send
            # such an event, also a deletion: ask Graph.
            fetch(event)


def keep(event, deleted=False, at=None):
    """Keeps a state of the resource unless a later one is kept, and says whether. A deletion is kept like a state, so that an
    older state that arrives after it does not bring the resource back.

    Put this condition into the write of your own store, content included: of a check and a later write, two invocations
    can mix the order up.
    """
    at = at or modified(event) or datetime.fromisoformat(event["time"])
    # Changes of one POST have one time. Of these a deletion is the last.
    state = {"at": {"N": str(round(at.timestamp() * 1_000_000) * 2 + deleted)}, "deleted": {"BOOL": deleted}}
    expiration = {"N": str(int(time.time()) + REMEMBERED_SECONDS)}
    try:
        seen.client.put_item(
            TableName=table,
            Item={"id": {"S": f"state of {event['partitionkey']}"}, "expiration": expiration} | state,
            ConditionExpression="attribute_not_exists(id) OR #at <= :at",
            ExpressionAttributeNames={"#at": "at"},
            ExpressionAttributeValues={":at": state["at"]},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        logger.info("A later state of the resource is kept", **about(event))
        return False
    return True


def modified(event):
    """Returns when the resource changed, as it says itself: Graph can send an old change late. Microsoft writes a time that is
    not set as the year 1.
    """
    content = event["data"].get("content")
    try:
        at = datetime.fromisoformat(content["lastModifiedDateTime"])
    except (KeyError, TypeError, ValueError):
        return None
    return at if at.tzinfo and at.year > 1970 else None


def about(event):
    """What may stand in a log: not the content."""
    data = event["data"]
    return {"type": event["type"], "tenant": data["tenantId"], "subscription": event["subscription"], "path": event.get("subject")}


# Your code from here on. An event has its tenant in `data.tenantId`.


def store(event):
    if keep(event):
        logger.info("Store the resource", **about(event))


def fetch(event):
    # What you read is the state of now, and 404 a deletion: `keep(event, deleted, at)`, with the time at which you asked.
    logger.info("GET the current state of the resource; 404 means that it was deleted or moved", **about(event))


def delete(event):
    if keep(event, deleted=True):
        logger.info("Delete the resource", **about(event))


def gap_began(event):
    """The reader catches up and sends CatchUpCompleted. If the stack has Reader=disabled, catch up here."""
    data = event["data"]
    lost = {"resource": data.get("resource"), "lost_from": data.get("lostFrom"), "lost_until": data["lostUntil"]}
    logger.info("Notifications were lost", reason=data["reason"], **lost, **about(event))


def caught_up(event):
    """A resource that is read in parts has an event for each part. Its gap is closed when all `parts` came."""
    data = event["data"]
    text = "A part of the gap is closed" if "parts" in data else "The gap is closed"
    logger.info(text, gap=data["gap"], part=data.get("part"), parts=data.get("parts"), **about(event))


def catch_up(event):
    """`reason` says why the reader did not see everything, or `unseen` which changes Graph's list does not show."""
    names = ["gap", "resource", "part", "parts", "from", "until", "unseen", "reason", "permission"]
    missing = {name: event["data"].get(name) for name in names}
    logger.warning("Read the changes that the reader could not read", missing=missing, **about(event))
