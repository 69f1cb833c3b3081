// Opens items in a loop, as the documentation of node:crypto shows it: decrypt.mjs FILE MILLISECONDS.
import { constants, createDecipheriv, createHash, createHmac, createPrivateKey, privateDecrypt, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";

const input = JSON.parse(readFileSync(process.argv[2], "utf8"));
const least = Number(process.argv[3]) * 1_000;
const key = createPrivateKey(input.key.privateKey);

function open(text) {
  const item = JSON.parse(text);
  const symmetric = privateDecrypt(
    { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" },
    Buffer.from(item.dataKey, "base64"),
  );
  const data = Buffer.from(item.data, "base64");
  const signature = createHmac("sha256", symmetric).update(data).digest();
  if (!timingSafeEqual(signature, Buffer.from(item.dataSignature, "base64"))) throw new Error("signature does not hold");
  const decipher = createDecipheriv("aes-256-cbc", symmetric, symmetric.subarray(0, 16));
  return Buffer.concat([decipher.update(data), decipher.final()]);
}

const digest = createHash("sha256");
for (const item of input.items) digest.update(open(item));
let opened = 0;
let spent = 0;
const start = process.cpuUsage();
while (spent < least) {
  for (const item of input.items) open(item);
  opened += input.items.length;
  const { user, system } = process.cpuUsage(start);
  spent = user + system;
}
console.log(JSON.stringify({ digest: digest.digest("hex"), items: opened, cpuNanoseconds: spent * 1_000 }));
