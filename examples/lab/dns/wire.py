"""Between DNS messages and the evaluator's questions and answers, EDNS client subnet included."""

import functools
import ipaddress
import struct
from dataclasses import dataclass

import dnslib
from dnslib import QTYPE, RCODE, RR

ECS = 8
#: The least and the most bytes of an answer over UDP (RFC 1035; the DNS flag day of 2020).
SMALLEST_UDP, LARGEST_UDP = 512, 1232
LARGEST_TCP = 65535
BADVERS = 16


class Malformed(Exception):
    """A message that can be answered with FORMERR only."""


@dataclass(frozen=True)
class Subnet:
    """A client subnet as RFC 7871 carries it."""

    family: int
    source: int
    address: str
    raw: bytes

    def answer(self, scope):
        """The option to send back: the same subnet, with the scope the answer is good for."""
        return struct.pack("!HBB", self.family, self.source, scope) + self.raw


@dataclass
class Question:
    """What one message asks."""

    message: dnslib.DNSRecord
    name: str
    rtype: str
    edns: bool
    edns_version: int
    payload: int
    subnet: Subnet | None


def parse(packet):
    """Read a query; Malformed when it is none."""
    try:
        message = dnslib.DNSRecord.parse(packet)
        if message.header.qr or len(message.questions) != 1:
            raise Malformed("not one question")
        asked = message.questions[0]
        name, rtype = str(asked.qname), QTYPE.get(asked.qtype)
    except (dnslib.DNSError, struct.error, IndexError, UnicodeError, ValueError) as error:
        raise Malformed(str(error)) from error
    opt = next((rr for rr in message.ar if rr.rtype == QTYPE.OPT), None)
    if opt is None:
        return Question(message, name, rtype, False, 0, SMALLEST_UDP, None)
    options = opt.rdata if isinstance(opt.rdata, list) else []
    subnet = next((read_subnet(o.data) for o in options if o.code == ECS), None)
    payload = min(max(opt.rclass, SMALLEST_UDP), LARGEST_UDP)
    return Question(message, name, rtype, True, opt.ttl >> 16 & 0xFF, payload, subnet)


def read_subnet(data):
    """Take the option apart; an address with bits beyond its prefix is malformed (RFC 7871 §6)."""
    if len(data) < 4:
        raise Malformed("client subnet too short")
    family, source, scope = struct.unpack("!HBB", data[:4])
    raw, width = data[4:], {1: 4, 2: 16}.get(family)
    if width is None or source > width * 8 or scope or len(raw) != (source + 7) // 8:
        raise Malformed("client subnet with a wrong family, length or scope")
    address = ipaddress.ip_address(raw.ljust(width, b"\0"))
    if int(address) & ((1 << width * 8 - source) - 1):
        raise Malformed("client subnet with bits beyond its prefix")
    return Subnet(family, source, str(address), raw)


def make_subnet(address, prefix=None):
    """A subnet to ask with: /24 for IPv4 and /56 for IPv6, as resolvers do."""
    parsed = ipaddress.ip_address(address)
    prefix = prefix if prefix is not None else (24 if parsed.version == 4 else 56)
    network = ipaddress.ip_network((parsed, prefix), strict=False).network_address
    raw = network.packed[: (prefix + 7) // 8]
    return Subnet(1 if parsed.version == 4 else 2, prefix, str(network), raw)


def reply(question, answer, limit):
    """The bytes of an answer, cut to `limit` with the TC bit when it is longer."""
    message = question.message.reply(ra=0, aa=int(answer.authoritative and answer.rcode in ("NOERROR", "NXDOMAIN")))
    message.header.rcode = getattr(RCODE, answer.rcode)
    for row in answer.rows:
        message.add_answer(resource(row))
    for row in answer.authority:
        message.add_auth(negative(row) if row.rtype == "SOA" else resource(row))
    if question.edns:
        scope = question.subnet.source if question.subnet and answer.by_place else 0
        options = [dnslib.EDNSOption(ECS, question.subnet.answer(scope))] if question.subnet else []
        message.add_ar(dnslib.EDNS0(udp_len=LARGEST_UDP, opts=options))
    packed = message.pack()
    if len(packed) <= limit:
        return packed
    message.rr, message.auth = [], []
    message.header.tc = 1
    return message.pack()


def refusal(packet, rcode):
    """A bare answer to a packet that could not be read; None when not even its id can be, or it is no query."""
    if len(packet) < 12 or packet[2] & 0x80:
        return None
    header = dnslib.DNSHeader(id=int.from_bytes(packet[:2], "big"), bitmap=0)
    header.qr, header.rcode, header.opcode = 1, getattr(RCODE, rcode), packet[2] >> 3 & 0xF
    return dnslib.DNSRecord(header).pack()


def bad_version(question):
    """The answer to an EDNS version nobody speaks: the upper half of BADVERS sits in the OPT record."""
    message = question.message.reply(ra=0, aa=0)
    message.add_ar(dnslib.EDNS0(udp_len=LARGEST_UDP, ext_rcode=BADVERS >> 4))
    return message.pack()


def resource(row):
    return RR(row.name, getattr(QTYPE, row.rtype), ttl=row.ttl, rdata=rdata(row.rtype, row.value))


def negative(row):
    """The SOA of a negative answer lives no longer than its own minimum (RFC 2308)."""
    minimum = int(row.value.split()[-1])
    return RR(row.name, QTYPE.SOA, ttl=min(row.ttl, minimum), rdata=rdata("SOA", row.value))


@functools.lru_cache(maxsize=4096)
def rdata(rtype, value):
    """The value as Route 53 writes it, read by dnslib's reader of zone files; the same text is read once."""
    return RR.fromZone(f". 1 IN {rtype} {value}")[0].rdata
