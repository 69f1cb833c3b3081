"""Tests of the consumer, without AWS: `python -m unittest`, given aws-lambda-powertools and boto3."""

import json
import os
import threading
import time
import unittest
from datetime import datetime
from types import SimpleNamespace
from unittest.mock import patch

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

os.environ.update(SEEN_TABLE="seen", AWS_DEFAULT_REGION="us-east-1", POWERTOOLS_LOG_LEVEL="CRITICAL")
import consumer  # noqa: E402

HOOKS = {name: getattr(consumer, name) for name in ["store", "fetch", "delete", "gap_began", "caught_up", "catch_up"]}


class Table:
    """What the idempotency utility asks of DynamoDB."""

    def __init__(self):
        self.items = {}

    def put_item(self, Item, ConditionExpression=None, **_):
        key = Item["id"]["S"]
        if ConditionExpression == "attribute_not_exists(id) OR #at <= :at":
            if key in self.items and int(self.items[key]["at"]["N"]) > int(Item["at"]["N"]):
                raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")
            self.items[key] = Item
            return
        now = int(time.time())
        found = {name: TypeDeserializer().deserialize(value) for name, value in self.items.get(key, {}).items()}
        if found and found["expiration"] > now and (
            found["status"] != "INPROGRESS" or found.get("in_progress_expiration", 0) > now * 1000
        ):
            error = {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": self.items[key]}
            raise ClientError(error, "PutItem")
        self.items[key] = Item

    def update_item(self, Key, ExpressionAttributeNames, ExpressionAttributeValues, **_):
        for name, attribute in ExpressionAttributeNames.items():
            self.items[Key["id"]["S"]][attribute] = ExpressionAttributeValues[name.replace("#", ":")]

    def delete_item(self, Key, **_):
        del self.items[Key["id"]["S"]]

    def get_item(self, Key, **_):
        return {"Item": self.items[Key["id"]["S"]]}


class Consumer(unittest.TestCase):
    def setUp(self):
        consumer.seen.client = Table()
        self.calls = []
        for name in HOOKS:
            patcher = patch.object(consumer, name, lambda event, name=name: self.calls.append(name))
            patcher.start()
            self.addCleanup(patcher.stop)

    def test_a_repeat_is_dropped(self):
        self.assertEqual(self.consume([event("a", content={}), event("a", content={})]), [])
        self.assertEqual(self.consume([event("a", content={})]), [])
        self.assertEqual(self.calls, ["store"])

    def test_only_a_poison_event_is_returned(self):
        bodies = [event("a", content={}), "no JSON", "{}", event(None, content={}), event("b", content={})]
        self.assertEqual(self.consume(bodies), ["1", "2", "3"])
        self.assertEqual(self.calls, ["store", "store"])

    def test_an_event_that_failed_is_processed_again(self):
        with patch.object(consumer, "store", side_effect=ValueError):
            self.assertEqual(self.consume([event("a", content={})]), ["0"])
        self.assertEqual(self.consume([event("a", content={})]), [])
        self.assertEqual(self.calls, ["store"])

    def test_what_has_no_content_is_fetched_unless_it_is_deleted(self):
        self.consume([event("a"), event("b", contentOmitted=True), event("c", contentMissing=True)])
        self.consume([event("d", changeType="deleted"), event("e", changeType="deleted", proof="read")])
        self.assertEqual(self.calls, ["fetch", "fetch", "fetch", "delete", "delete"])

    def test_a_deletion_that_only_a_client_state_proves_is_looked_up(self):
        self.consume([event("a", changeType="deleted", proof="clientState")])
        self.assertEqual(self.calls, ["fetch"])

    def test_gaps_and_their_ends_are_told_apart(self):
        gap = {"lostUntil": "2026-11-22T10:00:00Z", "reason": "r"}
        window = {"gap": "g", "from": "2026-11-22T09:00:00Z", "until": "2026-11-22T10:00:00Z"}
        for index, name in enumerate(["SubscriptionMissed", "SubscriptionRemoved", "SubscriptionRecreated"]):
            self.consume([event(f"gap{index}", name, **gap)])
        self.consume([event("done", "CatchUpCompleted", complete=True, **window)])
        self.assertEqual(self.calls, ["gap_began"] * 3 + ["caught_up"])
        self.consume([event("partly", "CatchUpCompleted", complete=False, unseen=["deleted"], **window)])
        self.assertEqual(self.calls[4:], ["catch_up"])

    def test_an_event_that_hangs_fails_alone(self):
        with patch.object(consumer, "fetch", side_effect=lambda _: threading.Event().wait()):
            self.assertEqual(self.consume([event("a"), event("b", content={})], milliseconds=1_200), ["0"])
        self.assertEqual(self.calls, ["store"])

    def test_an_older_state_does_not_win_over_a_newer_one(self):
        def kept(time, deleted=False, **data):
            return consumer.keep(json.loads(event("a", time=f"2026-11-22T{time}Z", **data)), deleted)

        self.assertTrue(kept("10:00:01"))
        self.assertTrue(kept("10:00:05", deleted=True))
        self.assertFalse(kept("10:00:00.123456789", content={"id": "1"}))
        self.assertFalse(kept("10:00:05"), "a change that came with the deletion")
        self.assertFalse(kept("11:00:00", content={"lastModifiedDateTime": "2026-11-22T10:00:00Z"}), "old, and late")
        self.assertTrue(kept("10:00:05", deleted=True), "the same deletion, again")
        self.assertTrue(kept("10:00:06.1"))
        self.assertFalse(kept("10:00:06"))
        for unusable in ["", "soon", 5, None, "0001-01-01T00:00:00Z", "2026-11-22T10:00:00"]:
            self.assertTrue(kept("10:00:06.1", content={"lastModifiedDateTime": unusable}), unusable)
        for content in [5, [], "text"]:
            self.assertTrue(kept("10:00:06.1", content=content), content)
        asked = datetime.fromisoformat("2026-11-22T12:00:00Z")
        self.assertTrue(consumer.keep(json.loads(event("a")), at=asked), "read now")
        self.assertFalse(kept("11:59:59"))

    def test_a_log_has_no_content(self):
        secret = json.loads(event("a", content={"body": "secret"}))
        for hook in HOOKS.values():
            with patch.object(consumer, "logger") as logger:
                data = {"lostUntil": "u", "reason": "r", "gap": "g"} | secret["data"]
                hook(secret | {"data": data})
                self.assertTrue(logger.method_calls)
                self.assertNotIn("secret", str(logger.method_calls))
                self.assertIn("'tenant': 't'", str([call.kwargs for call in logger.method_calls]))

    def consume(self, bodies, milliseconds=30_000):
        records = [
            {"messageId": str(index), "body": body, "eventSource": "aws:sqs"} for index, body in enumerate(bodies)
        ]
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)
        answer = consumer.handler({"Records": records}, context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def event(id, name="ChatMessageUpdated", time="2026-11-22T10:00:00Z", **data):
    return json.dumps({
        "id": id, "type": f"Microsoft.Graph.{name}", "subject": "chats('1')/messages('1')", "subscription": "chats",
        "time": time, "partitionkey": "p", "data": {"changeType": "updated", "tenantId": "t", "proof": "token"} | data,
    })


if __name__ == "__main__":
    unittest.main()
