"""The record sets of one hosted zone, indexed by name and type."""

from collections import defaultdict

#: What Route 53 gives a new zone; used when the source lists no SOA or NS of its own.
DEFAULT_SOA = "ns-1.awsdns-lab.test. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
DEFAULT_SOA_TTL = 900
DEFAULT_NS = "ns-1.awsdns-lab.test."
DEFAULT_NS_TTL = 172800


def canonical(name):
    """The one spelling of a name: lower case, trailing dot, Route 53's octal `\\052` read as `*`."""
    name = name.lower().replace("\\052", "*")
    return name if name.endswith(".") else name + "."


def parents(name):
    """The names above `name`, nearest first: `a.b.` gives `b.` and then the root."""
    while name != ".":
        name = name.partition(".")[2] or "."
        yield name


class Zone:
    """A snapshot of one hosted zone; never changed after it is built."""

    def __init__(self, zone_id, name, records):
        self.id = bare_id(zone_id)
        self.name = canonical(name)
        self.groups = defaultdict(dict)
        for record in records:
            group = self.groups[canonical(record["Name"])]
            group.setdefault(record["Type"], []).append(record)
        apex = self.groups[self.name]
        apex.setdefault("SOA", [simple(self.name, "SOA", DEFAULT_SOA_TTL, DEFAULT_SOA)])
        apex.setdefault("NS", [simple(self.name, "NS", DEFAULT_NS_TTL, DEFAULT_NS)])
        self.groups = dict(self.groups)
        # A name with something below it exists (RFC 8020), although it holds no record itself.
        self.existing = set(self.groups)
        for owner in self.groups:
            for above in parents(owner):
                if not self.holds(above):
                    break
                self.existing.add(above)

    def holds(self, name):
        """Whether `name` is the zone's own name or lies below it."""
        return name == self.name or self.name == "." or name.endswith("." + self.name)

    def group(self, name, rtype):
        """All record sets of one name and type, in the order the source listed them."""
        return self.groups.get(name, {}).get(rtype, [])

    def owner(self, name):
        """The name whose records answer for `name`: itself, the wildcard that covers it, or None."""
        if name in self.existing:
            return name
        for above in parents(name):
            if above in self.existing:
                # Only the closest enclosing name may lend its wildcard (RFC 4592).
                wildcard = "*." + above
                return wildcard if wildcard in self.groups else None
        return None

    def delegation(self, name):
        """The name of the child zone that `name` was given away to, if any."""
        for candidate in [name, *parents(name)]:
            if candidate == self.name or not self.holds(candidate):
                return None
            if self.group(candidate, "NS"):
                return candidate
        return None


def bare_id(zone_id):
    """A zone's id without the `/hostedzone/` that some answers of the API put before it."""
    return zone_id.rpartition("/")[2]


def simple(name, rtype, ttl, *values):
    """A record set without a routing policy, in botocore's shape."""
    return {"Name": name, "Type": rtype, "TTL": ttl, "ResourceRecords": [{"Value": v} for v in values]}
