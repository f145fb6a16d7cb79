"""The documented rules of Route 53's choice, one test each."""

import random
import unittest

from .evaluator import Place, evaluate
from .geo import SAMPLES, Table
from .zone import Zone, simple

ASIA, EUROPE, CALIFORNIA, NOWHERE = Place("AS", "JP"), Place("EU", "DE"), Place("NA", "US", "CA"), Place()


def record(name, value, rtype="A", **fields):
    """A record set with a routing policy; `check` is short for its health check."""
    if "check" in fields:
        fields["HealthCheckId"] = fields.pop("check")
    return simple(f"{name}.x.test.", rtype, 60, value) | fields


def alias(name, target, evaluates=True, rtype="A", **fields):
    if "check" in fields:
        fields["HealthCheckId"] = fields.pop("check")
    aim = {"DNSName": f"{target}.x.test.", "HostedZoneId": "Z", "EvaluateTargetHealth": evaluates}
    return {"Name": f"{name}.x.test.", "Type": rtype, "AliasTarget": aim} | fields


def geo(code):
    """NA, US-CA, US, or * as a GeoLocation."""
    country, _, subdivision = code.partition("-")
    if subdivision:
        return {"CountryCode": country, "SubdivisionCode": subdivision}
    if code in ("AF", "AN", "AS", "EU", "OC", "NA", "SA"):
        return {"ContinentCode": code}
    return {"CountryCode": code}


def located(code, value, **fields):
    return record("a", value, GeoLocation=geo(code), SetIdentifier=code, **fields)


class Rules(unittest.TestCase):
    def ask(self, records, place=NOWHERE, down=(), name="a.x.test", rtype="A", zone="x.test."):
        return evaluate(Zone("Z", zone, records), lambda check: check not in down, place, name, rtype, random.Random(1))

    def values(self, *args, **kwargs):
        return [row.value for row in self.ask(*args, **kwargs).rows]

    def often(self, records, down=(), times=2000):
        """How often each value comes out of many questions."""
        zone, dice, seen = Zone("Z", "x.test.", records), random.Random(7), {}
        for _ in range(times):
            for row in evaluate(zone, lambda check: check not in down, NOWHERE, "a.x.test", "A", dice).rows:
                seen[row.value] = seen.get(row.value, 0) + 1
        return seen


class Geolocation(Rules):
    LEVELS = [located("*", "default", check="d"), located("NA", "continent", check="c"),
              located("US", "country", check="u"), located("US-CA", "state", check="s"),
              located("AS", "asia", check="as"), located("EU", "europe", check="eu")]

    def test_the_smallest_region_comes_first(self):
        self.assertEqual(self.values(self.LEVELS, CALIFORNIA), ["state"])
        self.assertEqual(self.values(self.LEVELS, Place("NA", "US")), ["country"])
        self.assertEqual(self.values(self.LEVELS, Place("NA", "CA")), ["continent"])

    def test_unhealthy_goes_to_the_next_larger(self):
        self.assertEqual(self.values(self.LEVELS, CALIFORNIA, "s"), ["country"])
        self.assertEqual(self.values(self.LEVELS, CALIFORNIA, "su"), ["continent"])
        self.assertEqual(self.values(self.LEVELS, CALIFORNIA, "suc"), ["default"])

    def test_never_sideways_to_another_continent(self):
        self.assertEqual(self.values(self.LEVELS, ASIA, ["as"]), ["default"])
        self.assertEqual(self.values(self.LEVELS, ASIA, ["as", "d"]), ["asia"])

    def test_all_unhealthy_answers_the_smallest_region(self):
        self.assertEqual(self.values(self.LEVELS, CALIFORNIA, "sucd"), ["state"])

    def test_no_default_record_is_no_answer(self):
        answer = self.ask([located("EU", "europe")], ASIA)
        self.assertEqual((answer.rcode, answer.rows, answer.authority[0].rtype), ("NOERROR", [], "SOA"))

    def test_an_unknown_place_gets_the_default_only(self):
        self.assertEqual(self.values(self.LEVELS, NOWHERE), ["default"])

    def test_a_record_without_check_is_always_healthy(self):
        self.assertEqual(self.values([located("AS", "asia"), located("*", "default")], ASIA, ["any"]), ["asia"])

    def test_the_answer_depends_on_the_place_only_with_geolocation(self):
        self.assertTrue(self.ask(self.LEVELS, ASIA).by_place)
        self.assertFalse(self.ask([record("a", "1")]).by_place)

    def test_places_of_addresses_longest_prefix_wins(self):
        table = Table()
        found = {name: table.place(address).continent for name, address in SAMPLES.items()}
        self.assertEqual(found, {
            "north-america": "NA", "america": "NA", "california": "NA", "canada": "NA", "europe": "EU",
            "asia": "AS", "south-america": "SA", "africa": "AF", "oceania": "OC", "antarctica": "AN"})
        self.assertEqual(table.place("17.3.2.1"), Place("NA", "US", "CA"))
        self.assertEqual(Table([("10.0.0.0/8", "EU"), ("10.1.0.0/16", "AS")]).place("10.1.2.3"), Place("AS"))
        for unknown in ("127.0.0.1", "2001:db8::1", "no address"):
            self.assertEqual(table.place(unknown), Place())


class Failover(Rules):
    PAIR = [record("a", "two", Failover="SECONDARY", SetIdentifier="2", check="2"),
            record("a", "one", Failover="PRIMARY", SetIdentifier="1", check="1")]

    def test_primary_then_secondary_then_primary_again(self):
        self.assertEqual(self.values(self.PAIR), ["one"])
        self.assertEqual(self.values(self.PAIR, down="1"), ["two"])
        self.assertEqual(self.values(self.PAIR, down="2"), ["one"])

    def test_both_unhealthy_answers_primary(self):
        self.assertEqual(self.values(self.PAIR, down="12"), ["one"])

    def test_secondary_without_check_is_used_even_if_it_is_down(self):
        unchecked = [{k: v for k, v in self.PAIR[0].items() if k != "HealthCheckId"}, self.PAIR[1]]
        self.assertEqual(self.values(unchecked, down="12"), ["two"])


class Weighted(Rules):
    def group(self, *weights, check=True):
        return [record("a", str(n), Weight=w, SetIdentifier=str(n), **({"check": str(n)} if check else {}))
                for n, w in enumerate(weights)]

    def test_shares_follow_the_weights(self):
        seen = self.often(self.group(30, 10))
        self.assertAlmostEqual(seen["0"] / 2000, 0.75, delta=0.04)

    def test_unhealthy_records_are_left_out(self):
        self.assertEqual(self.often(self.group(30, 10, 10), down="0").keys(), {"1", "2"})

    def test_weight_zero_waits_until_all_others_are_unhealthy(self):
        group = self.group(1, 1, 0)
        self.assertEqual(self.often(group).keys(), {"0", "1"})
        self.assertEqual(self.often(group, down="01").keys(), {"2"})

    def test_all_unhealthy_counts_as_all_healthy_without_weight_zero(self):
        self.assertEqual(self.often(self.group(1, 1, 0), down="012").keys(), {"0", "1"})

    def test_all_weights_zero_share_evenly(self):
        seen = self.often(self.group(0, 0))
        self.assertAlmostEqual(seen["0"] / 2000, 0.5, delta=0.05)


class Multivalue(Rules):
    GROUP = [record("a", f"192.0.2.{n}", MultiValueAnswer=True, SetIdentifier=str(n), check=f"c{n}") for n in range(12)]

    def test_up_to_eight_healthy_records(self):
        self.assertEqual(len(set(self.values(self.GROUP))), 8)
        self.assertEqual(len(self.often(self.GROUP, times=200)), 12)
        self.assertEqual(set(self.values(self.GROUP, down=[f"c{n}" for n in range(10)])), {"192.0.2.10", "192.0.2.11"})

    def test_all_unhealthy_counts_as_all_healthy(self):
        self.assertEqual(len(set(self.values(self.GROUP, down=[f"c{n}" for n in range(12)]))), 8)


class Alias(Rules):
    POOL = [record("us", "us1", Weight=1, SetIdentifier="1", check="u1"), record("us", "us2", Weight=1, SetIdentifier="2", check="u2"),
            record("ap", "ap1", check="p1")]

    def pair(self, evaluates=True, **fields):
        return [*self.POOL, alias("a", "us", evaluates, Failover="PRIMARY", SetIdentifier="p", **fields),
                alias("a", "ap", Failover="SECONDARY", SetIdentifier="s")]

    def test_healthy_while_one_record_of_the_target_is(self):
        self.assertEqual(self.values(self.pair(), down=["u1"]), ["us2"])
        self.assertEqual(self.values(self.pair(), down=["u1", "u2"]), ["ap1"])

    def test_without_evaluation_a_dead_branch_goes_on(self):
        self.assertIn(self.values(self.pair(evaluates=False), down=["u1", "u2"])[0], ("us1", "us2"))

    def test_own_check_and_evaluation_must_both_pass(self):
        self.assertEqual(self.values(self.pair(check="own"), down=["own"]), ["ap1"])
        self.assertEqual(self.values(self.pair(check="own"), down=["u1", "u2"]), ["ap1"])
        self.assertIn(self.values(self.pair(check="own"))[0], ("us1", "us2"))

    def test_a_simple_target_with_an_unhealthy_check_fails_the_alias(self):
        records = [*self.POOL, alias("a", "ap", Failover="PRIMARY", SetIdentifier="p"),
                   record("a", "spare", Failover="SECONDARY", SetIdentifier="s")]
        self.assertEqual(self.values(records, down=["p1"]), ["spare"])
        self.assertEqual(self.values(self.POOL, down=["p1"], name="ap.x.test"), ["ap1"])

    def test_a_chain_of_branches_falls_through_to_another_region(self):
        records = [*self.pair(), alias("www", "a", GeoLocation=geo("NA"), SetIdentifier="na"),
                   alias("www", "ap", GeoLocation=geo("*"), SetIdentifier="*")]
        self.assertEqual(self.values(records, CALIFORNIA, ["u1", "u2"], "www.x.test"), ["ap1"])
        self.assertIn(self.values(records, CALIFORNIA, ["u1", "u2", "p1"], "www.x.test")[0], ("us1", "us2"))

    def test_the_ttl_and_the_name(self):
        row = self.ask([simple("b.x.test", "A", 17, "1"), alias("a", "b") | {"TTL": 0}]).rows[0]
        self.assertEqual((row.ttl, row.name), (17, "a.x.test."))

    def test_aliases_in_a_circle_are_refused(self):
        self.assertEqual(self.ask([alias("a", "b"), alias("b", "a")]).rcode, "REFUSED")
        pair = [alias(n, m, Failover="PRIMARY", SetIdentifier=n) for n, m in ("ab", "ba")]
        self.assertEqual(self.ask(pair).rcode, "REFUSED")

    def test_an_alias_out_of_the_zone_is_refused(self):
        away = alias("a", "b")
        away["AliasTarget"]["HostedZoneId"] = "ZOTHER"
        self.assertEqual(self.ask([away]).rcode, "REFUSED")


class Names(Rules):
    RECORDS = [record("a", "192.0.2.1"), record("deep.under", "192.0.2.2"), record("c", "a.x.test.", "CNAME"),
               record("out", "elsewhere.test.", "CNAME"), record("\\052.wild", "192.0.2.3"),
               record("child", "ns.child.x.test.", "NS")]

    def test_no_such_name_is_nxdomain_with_soa(self):
        answer = self.ask(self.RECORDS, name="nobody.x.test")
        self.assertEqual((answer.rcode, answer.authority[0].rtype), ("NXDOMAIN", "SOA"))

    def test_another_type_is_nodata_with_soa(self):
        for name in ("a.x.test", "under.x.test"):
            answer = self.ask(self.RECORDS, name=name, rtype="AAAA")
            self.assertEqual((answer.rcode, answer.rows, answer.authority[0].rtype), ("NOERROR", [], "SOA"))

    def test_soa_and_ns_at_the_apex(self):
        self.assertEqual([self.ask([], name="X.test", rtype=t).rows[0].rtype for t in ("SOA", "NS")], ["SOA", "NS"])
        own = simple("x.test.", "NS", 5, "ns.mine.test.")
        self.assertEqual(self.values([own], name="x.test", rtype="NS"), ["ns.mine.test."])

    def test_cname_is_followed_inside_the_zone(self):
        self.assertEqual(self.values(self.RECORDS, name="c.x.test"), ["a.x.test.", "192.0.2.1"])
        self.assertEqual(self.values(self.RECORDS, name="out.x.test"), ["elsewhere.test."])
        self.assertEqual(self.values(self.RECORDS, name="c.x.test", rtype="CNAME"), ["a.x.test."])

    def test_wildcard_covers_what_does_not_exist(self):
        row = self.ask(self.RECORDS, name="Any.Thing.wild.x.test").rows[0]
        self.assertEqual((row.value, row.name), ("192.0.2.3", "any.thing.wild.x.test."))

    def test_a_child_zone_is_referred_to(self):
        answer = self.ask(self.RECORDS, name="www.child.x.test")
        self.assertEqual((answer.rows, answer.authority[0].rtype, answer.authoritative), ([], "NS", False))

    def test_a_policy_that_is_not_emulated_is_refused(self):
        answer = self.ask([record("a", "1", Region="us-east-1", SetIdentifier="l")])
        self.assertEqual(answer.rcode, "REFUSED")
        self.assertIn("Region", answer.path[-1])

    def test_a_name_outside_the_zone_is_refused(self):
        self.assertEqual(self.ask(self.RECORDS, name="a.evilx.test").rcode, "REFUSED")


if __name__ == "__main__":
    unittest.main()
