"""Real queries over UDP and TCP, with and without a client subnet."""

import os
import pathlib
import random
import socket
import subprocess
import sys
import time
import unittest

import dnslib

from . import MemorySource, start, wire
from .geo import SAMPLES
from .zone import simple

ASK = pathlib.Path(__file__).resolve().parent.parent / "ask"


def place(value, identifier, **location):
    return simple("app.lab.test.", "A", 60, value) | {"SetIdentifier": identifier, "GeoLocation": location}


RECORDS = [
    place("192.0.2.1", "default", CountryCode="*"),
    place("192.0.2.2", "asia", ContinentCode="AS"),
    place("192.0.2.3", "europe", ContinentCode="EU"),
    simple("many.lab.test.", "A", 60, *(f"198.51.100.{n}" for n in range(90))),
    simple("text.lab.test.", "TXT", 60, '"one two" "three"'),
    simple("bad.lab.test.", "A", 60, "999.1.1.1"),
    simple("v6.lab.test.", "AAAA", 60, "2001:db8::1"),
    simple("srv.lab.test.", "SRV", 60, "1 2 443 app.lab.test."),
    simple("caa.lab.test.", "CAA", 60, '0 issue "letsencrypt.org"'),
    simple("mail.lab.test.", "MX", 60, "10 app.lab.test."),
]


class Server(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.source = MemorySource()
        cls.source.put_zone("Z1", "lab.test.", RECORDS)
        cls.lab = start(cls.source, 0)

    @classmethod
    def tearDownClass(cls):
        cls.lab.stop()

    def ask(self, name, rtype="A", subnet=None, tcp=False, payload=1232, edns=False):
        query = dnslib.DNSRecord.question(name, rtype)
        if subnet or edns:
            options = [dnslib.EDNSOption(wire.ECS, wire.make_subnet(subnet).answer(0))] if subnet else []
            query.add_ar(dnslib.EDNS0(udp_len=payload, opts=options))
        return self.send(query, tcp)

    def send(self, query, tcp=False):
        """Asks again, as resolvers do: a busy machine may drop a datagram."""
        for left in reversed(range(12)):
            try:
                return dnslib.DNSRecord.parse(query.send("127.0.0.1", self.lab.port, tcp=tcp, timeout=5))
            except TimeoutError:
                if not left:
                    raise

    def values(self, *args, **kwargs):
        return [str(rr.rdata) for rr in self.ask(*args, **kwargs).rr]

    def test_udp_and_tcp_answer_by_client_subnet(self):
        for tcp in (False, True):
            for continent, value in (("asia", "192.0.2.2"), ("europe", "192.0.2.3"), ("africa", "192.0.2.1")):
                self.assertEqual(self.values("app.lab.test", subnet=SAMPLES[continent], tcp=tcp), [value])

    def test_without_a_subnet_the_resolver_is_the_place(self):
        self.assertEqual(self.values("app.lab.test"), ["192.0.2.1"])

    def test_the_subnet_comes_back_with_the_scope_of_the_answer(self):
        for name, scope in (("app.lab.test", 24), ("text.lab.test", 0)):
            option = self.ask(name, subnet=SAMPLES["asia"]).ar[0].rdata[0]
            self.assertEqual((option.code, option.data), (8, bytes([0, 1, 24, scope, 203, 178, 137])))

    def test_a_malformed_subnet_is_a_format_error(self):
        query = dnslib.DNSRecord.question("app.lab.test")
        query.add_ar(dnslib.EDNS0(opts=[dnslib.EDNSOption(wire.ECS, b"\0\1\x18\0\1")]))
        self.assertEqual(self.send(query).header.rcode, 1)

    def test_an_unknown_edns_version_is_badvers(self):
        query = dnslib.DNSRecord.question("app.lab.test")
        query.add_ar(dnslib.EDNS0(version=1))
        answer = self.send(query)
        self.assertEqual((answer.ar[0].ttl >> 24, answer.rr), (1, []))

    def test_a_long_answer_is_cut_over_udp_and_whole_over_tcp(self):
        cut = self.ask("many.lab.test")
        self.assertEqual((cut.header.tc, cut.rr), (1, []))
        self.assertEqual(self.ask("many.lab.test", edns=True, payload=4096).header.tc, 1)
        self.assertEqual(len(self.values("many.lab.test", tcp=True)), 90)

    def test_record_types_on_the_wire(self):
        for name, rtype in (("text", "TXT"), ("v6", "AAAA"), ("srv", "SRV"), ("caa", "CAA"), ("mail", "MX")):
            self.assertEqual(len(self.values(f"{name}.lab.test", rtype)), 1, rtype)
        self.assertEqual(self.ask("text.lab.test", "TXT").rr[0].rdata.data, [b"one two", b"three"])

    def test_rcodes_flags_and_soa(self):
        self.assertEqual(self.ask("app.lab.test").header.aa, 1)
        answer = self.ask("nobody.lab.test")
        self.assertEqual((answer.header.rcode, answer.auth[0].rtype, answer.auth[0].ttl), (3, 6, 900))
        self.assertEqual(self.ask("app.elsewhere.test").header.rcode, 5)
        self.assertEqual(self.ask("lab.test", "ANY").header.rcode, 5)

    def test_an_unreadable_record_costs_only_its_own_answer(self):
        with self.assertLogs("lab.dns.server", "ERROR"):
            self.assertEqual(self.ask("bad.lab.test").header.rcode, 2)
        self.assertEqual(self.ask("app.lab.test").header.rcode, 0)

    def test_rubbish_does_not_end_the_server(self):
        dice, good = random.Random(3), dnslib.DNSRecord.question("app.lab.test").pack()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            for _ in range(500):
                packet = bytearray(good)
                for _ in range(dice.randrange(1, 6)):
                    packet[dice.randrange(len(packet))] = dice.randrange(256)
                client.sendto(packet[: dice.randrange(len(packet) + 1)], ("127.0.0.1", self.lab.port))
        self.assertEqual(self.ask("app.lab.test").header.rcode, 0)

    def test_a_change_is_answered_within_a_quarter_second(self):
        self.source.put_zone("Z2", "new.test.", [simple("a.new.test.", "A", 60, "192.0.2.9")])
        self.assertEqual(self.lab.answer("/hostedzone/Z2", "a.new.test", "A", "127.0.0.1")["values"], ["192.0.2.9"])
        self.source.put_zone("Z2", "new.test.", [simple("a.new.test.", "A", 60, "192.0.2.10")])
        time.sleep(0.25)
        self.assertEqual(self.values("a.new.test"), ["192.0.2.10"])

    def test_answer_tells_its_path(self):
        found = self.lab.answer("Z1", "app.lab.test", "A", SAMPLES["asia"])
        self.assertEqual((found["rcode"], found["values"]), ("NOERROR", ["192.0.2.2"]))
        self.assertEqual(found["path"], ["app.lab.test. A geo=AS (asia)"])

    def test_a_thousand_questions_are_answered(self):
        query = dnslib.DNSRecord.question("app.lab.test")
        query.add_ar(dnslib.EDNS0(opts=[dnslib.EDNSOption(wire.ECS, wire.make_subnet(SAMPLES["asia"]).answer(0))]))
        packet = query.pack()
        busy = time.process_time()
        for _ in range(1000):
            self.assertTrue(self.lab.handle(packet, "127.0.0.1", udp=True))
        # Processor time, since the wall clock of a shared machine says little; how fast the machine is, it does not say.
        if os.environ.get("DSLINE_TESTS_FULL") == "yes":
            self.assertLess(time.process_time() - busy, 1.0, "a thousand questions take more than a second")

    def test_the_ask_command(self):
        for words, output, code in ((["--from", "asia"], "192.0.2.2\n", 0), (["--from", "193.99.144.80"], "192.0.2.3\n", 0),
                                    (["--type", "MX"], "", 1)):
            ran = subprocess.run([sys.executable, ASK, "app.lab.test", "--server", f"127.0.0.1:{self.lab.port}", *words],
                                 capture_output=True, text=True, timeout=120)
            self.assertEqual((ran.stdout, ran.returncode), (output, code), ran.stderr)


if __name__ == "__main__":
    unittest.main()
