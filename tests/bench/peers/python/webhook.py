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
DOMAIN = b"graph change notifications, client state, version 2\0"
TAG_DOMAIN = b"graph change notifications, application, version 1\0"
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
    if not isinstance(client_state, str) or client_state.count(".") < 3:
        return None
    name, tag, key_id, mac = client_state.rsplit(".", 3)
    key, application = keys["secrets"].get(key_id), keys["applications"].get(tag)
    if key is None or application is None:
        return None
    text = name.encode()
    covered = DOMAIN + application["encoded"] + length(text) + text
    try:
        given = base64.urlsafe_b64decode(mac + "=")
    except ValueError:
        return None
    if not any(hmac.compare_digest(hmac.digest(key, covered + rich, hashlib.sha256), given) for rich in (b"\0", b"\1")):
        return None
    tenant_id, client_id = application["tenantId"], application["clientId"]
    if str(item.get("tenantId", tenant_id)).lower() != tenant_id.lower():
        return None
    return {"subscription": name, "tenantId": tenant_id, "clientId": client_id}


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
        cached["keys"] = parse_document(json.loads(text))
        cached["read_at"] = time.monotonic()
    return cached["keys"]


def parse_document(document):
    each = [(tenant, group["clientId"]) for group in document["trusted"] for tenant in group["tenants"]]
    return {
        "secrets": {key["id"]: base64.b64decode(key["key"]) for key in document["keys"]},
        "applications": dict(parse_application(*one) for one in each),
    }


def parse_application(tenant_id, client_id):
    """Returns an application under the hash by which client states name it."""
    ids = [tenant_id.lower().encode(), client_id.lower().encode()]
    encoded = b"".join(length(one) + one for one in ids)
    tag = base64.urlsafe_b64encode(hashlib.sha256(TAG_DOMAIN + encoded).digest())[:5].decode()
    return tag, {"tenantId": tenant_id, "clientId": client_id, "encoded": encoded}


def length(text):
    return len(text).to_bytes(8, "big")
