"""Reads wire.json with nothing of Entente: Python's cbor2 and cryptography (48 or newer, for ML-KEM) and the RFCs.

Run: python3 read_wire.py. It stops at the first object that does not hold. A stranger's node would begin like this.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import struct

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FILE = json.loads((pathlib.Path(__file__).parent / "wire.json").read_text())


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def raw(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def canonical(data):
    """Decodes one CBOR item that must be in its only form."""
    value = cbor2.loads(data)
    assert cbor2.dumps(value, canonical=True) == data
    return value


def sign1(data, typ, key):
    """COSE_Sign1, RFC 9052 4.4; returns signer, card number and payload."""
    protected, unprotected, payload, signature = canonical(data)
    header = canonical(protected)
    assert unprotected == {} and set(header) == {1, 4, 16} and header[1] == -8
    assert header[16] == f"application/entente-{typ}+cbor"
    to_be_signed = cbor2.dumps(["Signature1", protected, b"", payload])
    Ed25519PublicKey.from_public_bytes(key).verify(signature, to_be_signed)
    return header[4][:32], struct.unpack(">I", header[4][32:])[0], payload


def card(who):
    """A card vouches for itself: its root key names the service and signs."""
    data = bytes.fromhex(FILE[who]["card"])
    fields = canonical(cbor2.loads(data)[2])
    service, number, _ = sign1(data, "card", fields[2])
    assert service == fields[1] == sha256(b"entente/service/1\0", fields[2]) and number == fields[3] == 1
    assert service.hex() == FILE[who]["service"]
    for field, seed in ((2, "root_seed"), (7, "signing_seed")):
        assert raw(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(FILE[who][seed]))) == fields[field]
    return fields


def xwing(seed, encapsulated):
    """draft-connolly-cfrg-xwing-kem: public key, and the secret that was encapsulated."""
    expanded = hashlib.shake_256(seed).digest(96)
    m, x = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])
    ct_m, ct_x = encapsulated[:1088], encapsulated[1088:]
    ss_x = x.exchange(X25519PublicKey.from_public_bytes(ct_x))
    return raw(m) + raw(x), hashlib.sha3_256(m.decapsulate(ct_m) + ss_x + ct_x + raw(x) + b"\\.//^\\").digest()


def hpke_open(shared, info, aad, ciphertext):
    """RFC 9180 base mode, suite 0x647a / 0x0001 / 0x0002, one message."""
    suite = b"HPKE" + struct.pack(">HHH", 0x647A, 1, 2)

    def extract(salt, label, ikm):
        return hmac.digest(salt, b"HPKE-v1" + suite + label + ikm, "sha256")

    def expand(label, length):
        return hmac.digest(secret, struct.pack(">H", length) + b"HPKE-v1" + suite + label + context + b"\1", "sha256")[:length]

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    return AESGCM(expand(b"key", 32)).decrypt(expand(b"base_nonce", 12), ciphertext, aad)


def parcel(sender, recipient):
    data = bytes.fromhex(FILE["parcel"]["bytes"])
    signed, encrypted = (cbor2.dumps(part, canonical=True) for part in canonical(data))
    assert data == b"\x82" + signed + encrypted and sha256(signed).hex() == FILE["parcel"]["id"]
    service, number, payload = sign1(signed, "parcel", sender[7])
    address = canonical(payload)
    assert address[4] == sha256(encrypted)
    protected, unprotected, ciphertext = canonical(encrypted)
    assert service == sender[1] and address[0] == recipient[1] and canonical(protected) == {1: -65801}
    public, shared = xwing(bytes.fromhex(FILE["recipient"]["sealing_seed"]), unprotected[-4])
    assert public == recipient[8]
    external = cbor2.dumps([service, number, address[0], address[1], address[2], address[3]])
    aad = cbor2.dumps(["Encrypt0", protected, external])
    assert hpke_open(shared, b"entente/parcel/1", aad, ciphertext).hex() == FILE["parcel"]["plaintext"]


def keys_over_time(sender, recipient):
    """Revocation and succession under the root key, words on an act under the signing keys."""
    act = sha256(bytes.fromhex(FILE["act"]["payload"]))
    service, number, payload = sign1(bytes.fromhex(FILE["revocation"]["signed"]), "revocation", sender[2])
    revocation = canonical(payload)
    assert (revocation[0], revocation[1], revocation[2], revocation[3]) == (1, sender[1], sender[2], number) and service == sender[1]
    assert revocation[4] <= revocation[5] and revocation[6] == 1
    request = canonical(bytes.fromhex(FILE["root_request"]))
    assert request == {0: 1, 1: sender[1], 2: [[1, [payload]]]}
    since = 1_893_456_001_500
    for entry, who, word in zip(FILE["attestations"], (sender, sender, recipient), ([0, []], [1, []], [2, [since]])):
        service, _, payload = sign1(bytes.fromhex(entry["signed"]), "attestation", who[7])
        attestation = canonical(payload)
        assert attestation[1] == act and attestation[2] == service == who[1] and attestation[3] == word
    service, number, payload = sign1(bytes.fromhex(FILE["succession"]["signed"]), "succession", sender[2])
    succession = canonical(payload)
    assert number == 0 and (succession[1], succession[2], succession[3]) == (sender[1], sender[2], recipient[1])
    service, number, again = sign1(bytes.fromhex(FILE["succession_countersigned"]["signed"]), "succession", recipient[7])
    assert (service, number, again) == (recipient[1], 1, payload)


def carry(way, sender, recipient, records):
    """A carry file: magic, then frames of length (4 bytes), kind (1 byte) and bytes; head and end are signed."""
    data = bytes.fromhex(FILE["carry"][way])
    assert data[:16] == b"entente-carry/1\n"
    place, frames = 16, []
    while place < len(data):
        length, kind = struct.unpack(">IB", data[place : place + 5])
        frames.append((place, kind, data[place + 5 : place + 5 + length]))
        place += 5 + length
    assert place == len(data) and [kind for _, kind, _ in frames] == [1, *(kind for kind, _ in records), 4]
    service, _, head = sign1(frames[0][2], "carry-head", sender[7])
    head = canonical(head)
    assert service == sender[1] and head[0] == 1 and head[1] == recipient[1] and head[2] == 1 and len(head[4]) == 1
    assert [(kind, content) for _, kind, content in frames[1:-1]] == records
    start, _, end = frames[-1]
    end = canonical(sign1(end, "carry-end", sender[7])[2])
    assert end == {0: 1, 1: len(records), 2: sha256(data[:start]), 3: True}


def restored(sender, recipient):
    """The declaration that a ledger was put back, and the answer to it."""
    declared = bytes.fromhex(FILE["restored"]["signed"])
    said = canonical(sign1(declared, "restored", sender[7])[2])
    assert said[1] == sender[1] and said[5] == len(FILE["ledger"]["leaves"]) and said[6].hex() == FILE["ledger"]["root"]
    answer = canonical(sign1(bytes.fromhex(FILE["recovered"]["signed"]), "recovered", recipient[7])[2])
    assert answer[1] == sha256(declared) and (answer[2], answer[3]) == (recipient[1], sender[1]) and (answer[5], answer[6]) == (0, 1)
    assert (answer[9], answer[10]) == (said[5], said[6]) and 12 not in answer and answer[14] == [bytes.fromhex(FILE["sender"]["card"])]


def tree(leaves):
    """RFC 9162, 2.1.1."""
    if len(leaves) < 2:
        return sha256(b"\0", leaves[0]) if leaves else sha256()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1", tree(leaves[:k]), tree(leaves[k:]))


def note_line(line, kind, key):
    """C2SP signed-note: one signature line; returns what follows the key id."""
    _, name, encoded = line.split(" ")
    data = base64.b64decode(encoded, validate=True)
    assert data[:4] == sha256(name.encode(), b"\n", bytes([kind]), key)[:4]
    return data[4:]


def main():
    sender, recipient = card("sender"), card("recipient")
    sign1(bytes.fromhex(FILE["act"]["signed"]), "act", sender[7])
    sign1(bytes.fromhex(FILE["receipt"]["signed"]), "receipt", recipient[7])
    parcel(sender, recipient)
    keys_over_time(sender, recipient)
    carry("there", sender, recipient, [(2, bytes.fromhex(FILE["parcel"]["bytes"]))])
    back = cbor2.dumps([7, bytes.fromhex(FILE["receipt"]["signed"])])
    carry("back", recipient, sender, [(3, back)])
    restored(sender, recipient)
    root = tree([bytes.fromhex(leaf) for leaf in FILE["ledger"]["leaves"]])
    assert root.hex() == FILE["ledger"]["root"]
    body, line = FILE["checkpoint"].strip().split("\n\n")
    body += "\n"
    assert body == f"entente/{sender[1].hex()}\n5\n{base64.b64encode(root).decode()}\n"
    Ed25519PublicKey.from_public_bytes(sender[7]).verify(note_line(line, 1, sender[7]), body.encode())
    cosigned = note_line(FILE["cosignature"].strip(), 4, recipient[7])
    (seconds,) = struct.unpack(">Q", cosigned[:8])
    message = f"cosignature/v1\ntime {seconds}\n{body}"
    Ed25519PublicKey.from_public_bytes(recipient[7]).verify(cosigned[8:], message.encode())
    print("cards, act, receipt, parcel, carry files, revocation, words on an act, succession, restoration, ledger, checkpoint and cosignature hold")


if __name__ == "__main__":
    main()
