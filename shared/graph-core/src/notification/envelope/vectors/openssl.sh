#!/bin/sh
# Writes openssl.json: an item as Microsoft Graph would send it, made with the openssl command line alone (openssl 3.0),
# as an implementation that shares no code with this crate. TEST ONLY: the private key in it is public.
#
#     ./openssl.sh > openssl.json
set -eu

plaintext='{"@odata.type":"#Microsoft.Graph.chatMessage","id":"1565047490246","size":12345678901234567890,"rate":1.10}'

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"

openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 1 -subj '/CN=TEST ONLY' -keyout key.pem -out certificate.pem 2>/dev/null

# A random key of 32 bytes; its first 16 bytes are the initialization vector.
openssl rand -out secret 32
key=$(od -An -tx1 secret | tr -d ' \n')
iv=$(printf %s "$key" | cut -c1-32)
printf %s "$plaintext" | openssl enc -aes-256-cbc -K "$key" -iv "$iv" -out data
openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary -out signature data
openssl pkeyutl -encrypt -certin -inkey certificate.pem -in secret -out data_key \
    -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1 -pkeyopt rsa_mgf1_md:sha1

thumbprint=$(openssl x509 -in certificate.pem -noout -fingerprint -sha1 | cut -d= -f2 | tr -d :)
certificate=$(openssl x509 -in certificate.pem -outform DER | openssl base64 -A)
private_key=$(awk '{ printf "%s\\n", $0 }' key.pem)
escaped=$(printf %s "$plaintext" | sed 's/"/\\"/g')

cat <<END
{
  "header": [
    "TEST ONLY. The private key below is public: never use it for anything but this vector.",
    "Made by openssl.sh next to this file with $(openssl version | cut -d' ' -f1,2):",
    "openssl req -x509 -newkey rsa:2048; enc -aes-256-cbc; dgst -sha256 -mac HMAC;",
    "pkeyutl -encrypt with rsa_padding_mode:oaep, rsa_oaep_md:sha1, rsa_mgf1_md:sha1."
  ],
  "key": {
    "id": "test-only",
    "privateKey": "$private_key",
    "certificate": "$certificate",
    "createdAt": "2026-11-22T00:00:00Z"
  },
  "plaintext": "$escaped",
  "encryptedContent": {
    "data": "$(openssl base64 -A -in data)",
    "dataSignature": "$(openssl base64 -A -in signature)",
    "dataKey": "$(openssl base64 -A -in data_key)",
    "encryptionCertificateId": "test-only",
    "encryptionCertificateThumbprint": "$thumbprint"
  }
}
END
