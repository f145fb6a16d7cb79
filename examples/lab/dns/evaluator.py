"""What Route 53 would answer: pure choice among records by policy, health and place.

Written from AWS's documented rules only; dsline's own evaluator is checked against it, so the two
must not share a line of thought. Nothing here reads a clock, a socket or a file.
"""

from dataclasses import dataclass, field

from .zone import Zone, bare_id, canonical

MAX_DEPTH = 16
MAX_MULTIVALUE = 8


@dataclass(frozen=True)
class Place:
    """Where a question comes from; every part may be unknown (None)."""

    continent: str | None = None
    country: str | None = None
    subdivision: str | None = None


NOWHERE = Place()


@dataclass(frozen=True)
class Row:
    """One resource record of an answer."""

    name: str
    rtype: str
    ttl: int
    value: str


@dataclass
class Answer:
    """The outcome of one question: what to say, and how it was found."""

    rcode: str = "NOERROR"
    rows: list = field(default_factory=list)
    authority: list = field(default_factory=list)
    path: list = field(default_factory=list)
    #: True when another place could have got another answer (the ECS scope must say so).
    by_place: bool = False
    authoritative: bool = True


class Refused(Exception):
    """The records ask for something this evaluator does not emulate."""


def evaluate(records, health, place, name, rtype, random):
    """Answer a question from `records` (a Zone), `health(check_id) -> bool` and a `random.Random`."""
    return Evaluation(records, health, place or NOWHERE, random).answer(canonical(name), rtype)


class Evaluation:
    """One question on its way through the records."""

    def __init__(self, zone: Zone, health, place, random):
        self.zone, self.health, self.place, self.random = zone, health, place, random
        self.out = Answer()

    def answer(self, name, rtype):
        """The whole answer for a name and type, CNAMEs inside the zone followed."""
        try:
            self.follow(name, rtype, 0)
        except Refused as refusal:
            self.note(f"refused: {refusal}")
            self.out.rcode, self.out.rows, self.out.authority = "REFUSED", [], []
        return self.out

    def note(self, text):
        self.out.path.append(text)

    def follow(self, name, rtype, depth):
        if depth > MAX_DEPTH:
            raise Refused(f"more than {MAX_DEPTH} CNAMEs, the last at {name}")
        if not self.zone.holds(name):
            if depth == 0:
                raise Refused(f"{name} is not in zone {self.zone.name}")
            return  # a CNAME that leaves the zone: the resolver goes on from here
        child = self.zone.delegation(name)
        if child and not (name == child and rtype == "DS"):
            self.note(f"{name}: delegated at {child}")
            self.out.authoritative = depth > 0
            self.out.authority = self.plain_rows(child, self.zone.group(child, "NS")[0])
            return
        owner = self.zone.owner(name)
        if owner is None:
            self.note(f"{name}: no such name")
            self.out.rcode = "NXDOMAIN"
            self.out.authority = self.soa()
            return
        if owner != name:
            self.note(f"{name}: covered by {owner}")
        found = "CNAME" if self.zone.group(owner, "CNAME") and rtype != "CNAME" else rtype
        rows = self.resolve(owner, found, name, 0)
        self.out.rows += rows
        if not rows:
            self.note(f"{name}: no {rtype} answer")
            self.out.authority = self.soa()
        elif found == "CNAME" and rtype != "CNAME":
            self.follow(canonical(rows[0].value), rtype, depth + 1)

    def resolve(self, owner, rtype, name, depth):
        """The rows of the group at `owner`, told under `name`, by its routing policy."""
        if depth > MAX_DEPTH:
            raise Refused(f"more than {MAX_DEPTH} aliases, the last at {owner}")
        rows = []
        for record in self.chosen(self.zone.group(owner, rtype), owner):
            alias = record.get("AliasTarget")
            if alias:
                target = self.target(record)
                self.note(f"{owner} {label(record)} -> alias {target}")
                rows += self.resolve(target, rtype, name, depth + 1)
            else:
                self.note(f"{owner} {label(record)}")
                rows += self.plain_rows(name, record)
        # The rows of one answer share one TTL (RFC 2181 §5.2): the shortest of the records chosen.
        ttl = min((row.ttl for row in rows), default=0)
        return [Row(row.name, row.rtype, ttl, row.value) for row in rows]

    def chosen(self, group, owner):
        """The record sets of one group that answer; usually one, several for multivalue."""
        if not group:
            return []
        first = group[0]
        if first.get("GeoLocation"):
            return self.by_location(group, owner)
        if first.get("Failover"):
            return self.by_failover(group, owner)
        if first.get("Weight") is not None:
            return self.by_weight(group, owner)
        if first.get("MultiValueAnswer"):
            return self.by_multivalue(group, owner)
        for policy in ("Region", "CidrRoutingConfig", "GeoProximityLocation"):
            if first.get(policy):
                raise Refused(f"{owner} uses the routing policy of {policy}, which the lab does not emulate")
        # A simple record answers whatever its check says: there is nothing else to choose.
        return group[:1]

    def by_location(self, group, owner):
        """State, country, continent, default; the first healthy one, never a neighbour."""
        self.out.by_place = True
        candidates = [r for size in range(4) for r in group if covers(r["GeoLocation"], self.place) == size]
        if not candidates:
            self.note(f"{owner}: no geolocation record for {told(self.place)} and no default")
            return []
        for record in candidates:
            if self.healthy(record):
                return [record]
            self.note(f"{owner} {label(record)} is unhealthy")
        self.note(f"{owner}: every record for {told(self.place)} is unhealthy, so the smallest region's answers")
        return candidates[:1]

    def by_failover(self, group, owner):
        """The healthy PRIMARY, else the healthy SECONDARY, else the PRIMARY all the same."""
        ranked = sorted(group, key=lambda record: record["Failover"] != "PRIMARY")
        for record in ranked:
            if self.healthy(record):
                return [record]
            self.note(f"{owner} {label(record)} is unhealthy")
        self.note(f"{owner}: both are unhealthy, so PRIMARY answers")
        return ranked[:1]

    def by_weight(self, group, owner):
        """Healthy records with a weight, else healthy ones of weight 0, else all as if healthy."""
        weighted = [r for r in group if r["Weight"] > 0]
        idle = [r for r in group if r["Weight"] == 0]
        for pool in (weighted, idle):
            healthy = [r for r in pool if self.healthy(r)]
            if healthy:
                return [self.draw(healthy)]
        self.note(f"{owner}: all weighted records are unhealthy, so all count as healthy")
        return [self.draw(weighted or idle)]

    def draw(self, pool):
        """One record by weight; equal chances when every weight is 0."""
        weights = [r["Weight"] for r in pool]
        return self.random.choices(pool, weights if any(weights) else None)[0]

    def by_multivalue(self, group, owner):
        """Up to eight healthy records, in random order; if none is healthy, up to eight of all."""
        healthy = [r for r in group if self.healthy(r)]
        if not healthy:
            self.note(f"{owner}: all multivalue records are unhealthy, so all count as healthy")
        pool = healthy or group
        return self.random.sample(pool, min(MAX_MULTIVALUE, len(pool)))

    def healthy(self, record, depth=0):
        """A record's own check and, for an alias that evaluates its target, a healthy target record."""
        if depth > MAX_DEPTH:
            raise Refused(f"aliases at {record['Name']} run in a circle")
        check = record.get("HealthCheckId")
        if check and not self.health(check):
            return False
        alias = record.get("AliasTarget")
        if not alias or not alias.get("EvaluateTargetHealth"):
            return True
        group = self.zone.group(self.target(record), record["Type"])
        return any(self.healthy(target, depth + 1) for target in group)

    def target(self, record):
        """The name inside this zone that an alias points at."""
        alias = record["AliasTarget"]
        name = canonical(alias["DNSName"])
        zone = bare_id(alias.get("HostedZoneId") or self.zone.id)
        if zone != self.zone.id or not self.zone.holds(name):
            raise Refused(f"the alias {record['Name']} points at {name} in zone {zone}, outside {self.zone.name}")
        return self.zone.owner(name) or name

    def plain_rows(self, name, record):
        return [Row(name, record["Type"], record.get("TTL") or 0, v["Value"]) for v in record["ResourceRecords"]]

    def soa(self):
        return self.plain_rows(self.zone.name, self.zone.group(self.zone.name, "SOA")[0])


def covers(location, place):
    """How closely a GeoLocation fits: 0 state, 1 country, 2 continent, 3 default; None when it does not."""
    country, subdivision = location.get("CountryCode"), location.get("SubdivisionCode")
    if location.get("ContinentCode"):
        return 2 if location["ContinentCode"] == place.continent else None
    if country == "*":
        return 3
    if country != place.country:
        return None
    if subdivision and subdivision != "*":
        return 0 if subdivision == place.subdivision else None
    return 1


def told(place):
    """A place in words."""
    return "-".join(filter(None, (place.continent, place.country, place.subdivision))) or "an unknown place"


def label(record):
    """A record set in words: type, identifier and what its policy looks at."""
    words = [record["Type"]]
    location = record.get("GeoLocation")
    if location:
        words.append("geo=" + "-".join(location[k] for k in sorted(location) if location[k]))
    for key in ("Failover", "Weight"):
        if record.get(key) is not None:
            words.append(f"{key.lower()}={record[key]}")
    if record.get("SetIdentifier"):
        words.append(f"({record['SetIdentifier']})")
    return " ".join(words)
