"""DNS messages as bytes: names, records, questions."""
import collections
import ipaddress
import struct

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "OPT": 41, "SPF": 99,
         "ANY": 255}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, REFUSED = 0, 1, 2, 3, 5

Question = collections.namedtuple("Question", "ident name wire type_name type_number flags udp_size is_tcp")


def encode_name(name):
    """Wire form of a dotted name; characters are bytes."""
    wire = b""
    for label in name.rstrip(".").split(".") if name.rstrip(".") else []:
        raw = label.encode("latin-1")
        if not 0 < len(raw) < 64:
            raise ValueError("bad label in %r" % name)
        wire += bytes([len(raw)]) + raw
    return wire + b"\0"


def decode_name(message, at):
    """(name, offset behind it) of an uncompressed name."""
    labels = []
    while True:
        length = message[at]
        if length > 63:
            raise ValueError("a compressed question")
        at += 1
        if length == 0:
            return ".".join(labels), at
        labels.append(message[at:at + length].decode("latin-1"))
        if len(labels[-1]) != length:
            raise ValueError("a cut question")
        at += length


def encode_txt(value):
    strings = [value] if isinstance(value, str) else value
    wire = b""
    for text in strings:
        raw = text.encode("latin-1") if isinstance(text, str) else bytes(text)
        pieces = [raw[i:i + 255] for i in range(0, len(raw), 255)] or [b""]
        wire += b"".join(bytes([len(piece)]) + piece for piece in pieces)
    return wire


def encode_rdata(type_name, value):
    if type_name in ("TXT", "SPF"):
        return encode_txt(value)
    if type_name in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if type_name == "MX":
        return struct.pack("!H", value[0]) + encode_name(value[1])
    return encode_name(value)


def encode_record(owner, type_name, ttl, rdata):
    return owner + struct.pack("!HHIH", TYPES[type_name], 1, ttl, len(rdata)) + rdata


def parse_question(message, is_tcp):
    ident, flags, questions, _, _, additional = struct.unpack("!6H", message[:12])
    if flags & 0x8000 or questions != 1:
        raise ValueError("not a question")
    name, at = decode_name(message, 12)
    type_number, _ = struct.unpack("!HH", message[at:at + 4])
    wire = message[12:at + 4]
    rest = message[at + 4:]
    udp_size = 512
    if additional and len(rest) >= 11 and rest[0] == 0 and rest[1:3] == b"\0\x29":
        udp_size = max(512, struct.unpack("!H", rest[3:5])[0])
    type_name = TYPE_NAMES.get(type_number, "TYPE%d" % type_number)
    return Question(ident, name.lower(), wire, type_name, type_number, flags, udp_size, is_tcp)
