"""The webhook in Python: handshake, client state, one SQS message for each item, 202 or 503."""

import base64
import hashlib
import hmac
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl

import boto3
from botocore.config import Config

CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "max_attempts": 3}, max_pool_connections=16)
secrets = boto3.client("secretsmanager", config=CONFIG)
sqs = boto3.client("sqs", config=CONFIG)
pool = ThreadPoolExecutor(max_workers=16)

QUEUE_URL = os.environ["NOTIFICATION_QUEUE_URL"]
SECRET_ARN = os.environ["CLIENT_STATE_SECRET_ARN"]
DOMAIN = b"graph change notifications, client state, version 1\0"
LIFETIME = 300

cached = {"keys": None, "read_at": 0.0}


def handler(event, _context):
    query = dict(parse_qsl(event.get("rawQueryString", ""), keep_blank_values=True))
    if "validationToken" in query:
        headers = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
        return {"statusCode": 200, "headers": headers, "body": query["validationToken"]}
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body)
    try:
        collection = json.loads(body)
        items = collection["value"]
    except (ValueError, KeyError, TypeError):
        return {"statusCode": 400}
    try:
        keys = client_state_keys()
    except Exception as error:
        print(f"No client-state keys: {type(error).__name__}")
        return {"statusCode": 503}
    tokens = collection.get("validationTokens") or []
    messages = [message(item, proven, tokens) for item in items if (proven := admit(item, keys))]
    print(json.dumps({"level": "INFO", "admitted": len(messages), "refused": len(items) - len(messages)}))
    return {"statusCode": 202 if send(messages) else 503}


def admit(item, keys):
    """Returns what the item's client state proves, or nothing."""
    client_state = item.get("clientState") if isinstance(item, dict) else None
    if not isinstance(client_state, str) or client_state.count(".") < 2:
        return None
    name, key_id, mac = client_state.rsplit(".", 2)
    key = keys.get(key_id)
    if key is None:
        return None
    text = name.encode()
    expected = hmac.digest(key["secret"], DOMAIN + length(text) + text + key["owner"], hashlib.sha256)
    try:
        given = base64.urlsafe_b64decode(mac + "=")
    except ValueError:
        return None
    if not hmac.compare_digest(expected, given):
        return None
    if str(item.get("tenantId", key["tenantId"])).lower() != key["tenantId"].lower():
        return None
    return {"subscription": name, "tenantId": key["tenantId"], "clientId": key["clientId"]}


def message(item, proven, tokens):
    queued = {**proven, "receivedAt": time.time(), "item": item}
    if "encryptedContent" in item:
        queued["validationTokens"] = tokens
    return json.dumps(queued, separators=(",", ":"), ensure_ascii=False)


def send(messages):
    """Returns whether all messages are stored."""
    return all(pool.map(send_batch, batches(messages)))


def send_batch(bodies):
    entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies)]
    try:
        return not sqs.send_message_batch(QueueUrl=QUEUE_URL, Entries=entries).get("Failed")
    except Exception as error:
        print(f"SQS did not take a batch: {type(error).__name__}")
        return False


def batches(bodies):
    """Yields what fits into one call: ten messages, one mebibyte."""
    batch, size = [], 0
    for body in bodies:
        bytes_of_body = len(body.encode())
        if batch and (len(batch) == 10 or size + bytes_of_body > 1_048_576):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += bytes_of_body
    if batch:
        yield batch


def client_state_keys():
    if cached["keys"] is None or time.monotonic() - cached["read_at"] > LIFETIME:
        text = secrets.get_secret_value(SecretId=SECRET_ARN)["SecretString"]
        cached["keys"] = {key["id"]: parse_key(key) for key in json.loads(text)["keys"]}
        cached["read_at"] = time.monotonic()
    return cached["keys"]


def parse_key(key):
    ids = [key["tenantId"].lower().encode(), key["clientId"].lower().encode()]
    return {
        "secret": base64.b64decode(key["key"]),
        "tenantId": key["tenantId"],
        "clientId": key["clientId"],
        "owner": b"".join(length(part) + part for part in ids),
    }


def length(text):
    return len(text).to_bytes(8, "big")
