// The webhook on Node.js: handshake, client state, one SQS message for each item, 202 or 503.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";

const config = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000 } };
const secrets = new SecretsManagerClient(config);
const sqs = new SQSClient(config);

const QUEUE_URL = process.env.NOTIFICATION_QUEUE_URL;
const SECRET_ARN = process.env.CLIENT_STATE_SECRET_ARN;
const DOMAIN = Buffer.from("graph change notifications, client state, version 2\0");
const TAG_DOMAIN = Buffer.from("graph change notifications, application, version 1\0");
const LIFETIME = 300_000;

let cached;

export async function handler(event) {
  const token = new URLSearchParams(event.rawQueryString ?? "").get("validationToken");
  if (token !== null) {
    const headers = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };
    return { statusCode: 200, headers, body: token };
  }
  const body = event.isBase64Encoded ? Buffer.from(event.body, "base64").toString("utf8") : (event.body ?? "");
  let collection;
  try {
    collection = JSON.parse(body);
  } catch {
    return { statusCode: 400 };
  }
  const items = collection?.value;
  if (!Array.isArray(items)) return { statusCode: 400 };
  let keys;
  try {
    keys = await clientStateKeys();
  } catch (error) {
    console.error(`No client-state keys: ${error.name}`);
    return { statusCode: 503 };
  }
  const messages = [];
  for (const item of items) {
    const proven = admit(item, keys);
    if (proven) messages.push(message(item, proven, collection.validationTokens ?? []));
  }
  console.log(JSON.stringify({ level: "INFO", admitted: messages.length, refused: items.length - messages.length }));
  return { statusCode: (await send(messages)) ? 202 : 503 };
}

/** Returns what the item's client state proves, or nothing. */
function admit(item, keys) {
  const state = item?.clientState;
  const parts = typeof state === "string" ? state.match(/^(.*)\.([^.]*)\.([^.]*)\.([^.]*)$/s) : null;
  if (!parts) return undefined;
  const [, name, tag, keyId, mac] = parts;
  const [key, application] = [keys.secrets.get(keyId), keys.applications.get(tag)];
  if (!key || !application) return undefined;
  const text = Buffer.from(name);
  const given = Buffer.from(mac, "base64url");
  const fits = (rich) => {
    const keyed = createHmac("sha256", key).update(DOMAIN).update(application.encoded).update(length(text)).update(text);
    const expected = keyed.update(Buffer.from([rich])).digest();
    return given.length === expected.length && timingSafeEqual(given, expected);
  };
  if (!fits(0) && !fits(1)) return undefined;
  const { tenantId, clientId } = application;
  if (String(item.tenantId ?? tenantId).toLowerCase() !== tenantId.toLowerCase()) return undefined;
  return { subscription: name, tenantId, clientId };
}

function message(item, proven, tokens) {
  const queued = { ...proven, receivedAt: Date.now(), item };
  if (item.encryptedContent) queued.validationTokens = tokens;
  return JSON.stringify(queued);
}

/** Returns whether all messages are stored. */
async function send(messages) {
  const stored = await Promise.all(batches(messages).map(sendBatch));
  return stored.every(Boolean);
}

async function sendBatch(bodies) {
  const entries = bodies.map((body, index) => ({ Id: String(index), MessageBody: body }));
  try {
    const output = await sqs.send(new SendMessageBatchCommand({ QueueUrl: QUEUE_URL, Entries: entries }));
    return !output.Failed?.length;
  } catch (error) {
    console.error(`SQS did not take a batch: ${error.name}`);
    return false;
  }
}

/** Returns what fits into one call each: ten messages, one mebibyte. */
function batches(bodies) {
  const batches = [];
  let batch = [];
  let size = 0;
  for (const body of bodies) {
    const bytes = Buffer.byteLength(body);
    if (batch.length > 0 && (batch.length === 10 || size + bytes > 1_048_576)) {
      batches.push(batch);
      [batch, size] = [[], 0];
    }
    batch.push(body);
    size += bytes;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

async function clientStateKeys() {
  if (!cached || Date.now() - cached.readAt > LIFETIME) {
    const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: SECRET_ARN }));
    cached = { keys: parseDocument(JSON.parse(SecretString)), readAt: Date.now() };
  }
  return cached.keys;
}

function parseDocument({ keys, trusted }) {
  const secrets = new Map(keys.map(({ id, key }) => [id, Buffer.from(key, "base64")]));
  const each = trusted.flatMap(({ clientId, tenants }) => tenants.map((tenantId) => parseApplication(tenantId, clientId)));
  return { secrets, applications: new Map(each) };
}

/** Returns an application under the hash by which client states name it. */
function parseApplication(tenantId, clientId) {
  const ids = [tenantId, clientId].map((id) => Buffer.from(id.toLowerCase()));
  const encoded = Buffer.concat(ids.flatMap((id) => [length(id), id]));
  const tag = createHash("sha256").update(TAG_DOMAIN).update(encoded).digest("base64url").slice(0, 5);
  return [tag, { tenantId, clientId, encoded }];
}

function length(text) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(text.length));
  return bytes;
}
