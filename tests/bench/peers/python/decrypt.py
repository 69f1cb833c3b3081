"""Opens items in a loop, as the documentation of `cryptography` shows it: decrypt.py FILE MILLISECONDS."""

import base64
import hashlib
import hmac
import json
import sys
import time

from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

SHA1 = OAEP(mgf=MGF1(algorithm=hashes.SHA1()), algorithm=hashes.SHA1(), label=None)


def open_item(text, key):
    item = json.loads(text)
    symmetric = key.decrypt(base64.b64decode(item["dataKey"]), SHA1)
    data = base64.b64decode(item["data"])
    signature = hmac.digest(symmetric, data, hashlib.sha256)
    if not hmac.compare_digest(signature, base64.b64decode(item["dataSignature"])):
        raise ValueError("signature does not hold")
    decryptor = Cipher(AES(symmetric), CBC(symmetric[:16])).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    padded = decryptor.update(data) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        document = json.load(file)
    least = int(sys.argv[2]) * 1_000_000
    key = serialization.load_pem_private_key(document["key"]["privateKey"].encode(), None)
    items = document["items"]
    digest = hashlib.sha256()
    for item in items:
        digest.update(open_item(item, key))
    opened, spent, start = 0, 0, time.process_time_ns()
    while spent < least:
        for item in items:
            open_item(item, key)
        opened += len(items)
        spent = time.process_time_ns() - start
    print(json.dumps({"digest": digest.hexdigest(), "items": opened, "cpuNanoseconds": spent}))


main()
