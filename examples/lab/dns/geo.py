"""Where an address is: a small table of real networks, the longest prefix wins."""

import ipaddress

from .evaluator import NOWHERE, Place

#: (network, continent, country, subdivision); real holders, one or two per place the lab plays.
NETWORKS = [
    ("12.0.0.0/8", "NA", "US", None),
    ("17.0.0.0/8", "NA", "US", "CA"),
    ("24.48.0.0/13", "NA", "CA", None),
    ("193.99.144.0/24", "EU", "DE", None),
    ("193.0.0.0/21", "EU", "NL", None),
    ("212.58.224.0/19", "EU", "GB", None),
    ("203.178.128.0/17", "AS", "JP", None),
    ("203.117.0.0/16", "AS", "SG", None),
    ("14.139.0.0/16", "AS", "IN", None),
    ("202.112.0.0/16", "AS", "CN", None),
    ("200.160.0.0/20", "SA", "BR", None),
    ("196.25.0.0/16", "AF", "ZA", None),
    ("1.128.0.0/11", "OC", "AU", None),
    ("202.27.0.0/16", "OC", "NZ", None),
    ("206.193.192.0/24", "AN", "AQ", None),
]

#: An address of each continent, for people who ask by its name.
SAMPLES = {
    "north-america": "12.0.0.1",
    "america": "12.0.0.1",
    "california": "17.0.0.1",
    "canada": "24.48.0.1",
    "europe": "193.99.144.80",
    "asia": "203.178.137.58",
    "south-america": "200.160.0.8",
    "africa": "196.25.0.1",
    "oceania": "1.128.0.1",
    "antarctica": "206.193.192.1",
}


class Table:
    """Networks by prefix length, asked from the longest to the shortest."""

    def __init__(self, networks=NETWORKS):
        self.lengths = {}
        for text, *place in networks:
            network = ipaddress.ip_network(text)
            by_network = self.lengths.setdefault((network.version, network.prefixlen), {})
            by_network[int(network.network_address)] = Place(*place)
        self.order = sorted(self.lengths, key=lambda key: -key[1])

    def place(self, address):
        """The place of an address (text); NOWHERE when no network holds it or it is no address."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return NOWHERE
        for version, length in self.order:
            if version == parsed.version:
                width = parsed.max_prefixlen - length
                found = self.lengths[(version, length)].get(int(parsed) >> width << width)
                if found:
                    return found
        return NOWHERE
