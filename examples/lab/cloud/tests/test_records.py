"""Route 53's record sets: atomic batches, exact deletes, conflicts, order and paging."""

from cloud.refusals import Refused
from cloud.route53.rules import check_shape
from cloud.tests.support import CloudTest

NAME = "app.example.com"


def simple(name=NAME, value="198.18.1.2", **more):
    return {"Name": name, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": value}]} | more


def alias(zone, target, name=NAME, health=True, **more):
    to = {"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": health}
    return {"Name": name, "Type": "A", "AliasTarget": to} | more


def geo(identifier, **location):
    return simple(SetIdentifier=identifier, GeoLocation=location)


class RecordTest(CloudTest):
    """Begins with one empty zone."""

    def setUp(self):
        super().setUp()
        self.z = self.zone()

    def refuses(self, words, *changes, code="InvalidChangeBatch"):
        before = self.names(self.z)
        with self.refused(code, words):
            self.change(self.z, *changes)
        self.assertEqual(self.names(self.z), before)


class Batches(RecordTest):
    def test_a_batch_is_all_or_nothing(self):
        self.refuses("not found", ("CREATE", simple("good.example.com")), ("DELETE", simple("gone.example.com")))

    def test_every_fault_of_a_batch_is_named(self):
        with self.refused("InvalidChangeBatch", "a.example.com.") as caught:
            self.change(self.z, ("DELETE", simple("a.example.com")), ("DELETE", simple("b.example.com")))
        message = caught.exception.response["Error"]["Message"]
        self.assertIn("b.example.com.", message)
        self.assertTrue(message.startswith("[") and message.endswith("]"))

    def test_create_of_an_existing_record_is_refused(self):
        self.change(self.z, ("UPSERT", simple()))
        self.refuses(
            "Tried to create resource record set [name='app.example.com.', type='A'] but it already exists",
            ("CREATE", simple()),
        )

    def test_delete_needs_the_exact_values(self):
        self.change(self.z, ("CREATE", simple()))
        for other in (simple(value="198.18.1.3"), simple(TTL=61)):
            self.refuses("values provided do not match the current values", ("DELETE", other))
        self.change(self.z, ("DELETE", simple()))
        self.assertEqual(self.names(self.z), [])

    def test_delete_touches_only_its_own_name(self):
        us, ap = (simple(f"{place}.example.com", SetIdentifier="one", Weight=1) for place in ("us", "ap"))
        self.change(self.z, ("CREATE", us), ("CREATE", ap))
        self.change(self.z, ("DELETE", us))
        self.assertEqual(self.names(self.z), [("ap.example.com.", "A", "one")])

    def test_delete_then_create_replaces(self):
        self.change(self.z, ("CREATE", simple()))
        self.change(self.z, ("DELETE", simple()), ("CREATE", simple(value="198.18.1.9")))
        self.refuses("invalid set of changes", ("UPSERT", simple()), ("UPSERT", simple(TTL=1)))

    def test_the_zones_own_ns_and_soa_stay(self):
        for record in self.route53.list_resource_record_sets(HostedZoneId=self.z)["ResourceRecordSets"]:
            self.refuses("A HostedZone must contain", ("DELETE", record))

    def test_a_name_outside_the_zone_is_refused(self):
        for name in ("app.example.org", "evilexample.com"):
            self.refuses(f"{name}. is not permitted in zone example.com.", ("CREATE", simple(name)))

    def test_a_thousand_records_are_the_most(self):
        values = [{"Value": f"198.18.{n // 250}.{n % 250}"} for n in range(501)]
        self.refuses("limit of 1000", ("UPSERT", simple(ResourceRecords=values)))


class Aliases(RecordTest):
    def test_the_target_must_be_there_before(self):
        target = simple("eu.example.com")
        words = "Tried to create an alias that targets eu.example.com., type A in zone " + self.z
        self.refuses(words, ("CREATE", alias(self.z, "eu.example.com")), ("CREATE", target))
        self.change(self.z, ("CREATE", target), ("CREATE", alias(self.z, "eu.example.com")))

    def test_a_target_upserted_later_in_the_batch_counts_as_missing(self):
        target = simple("eu.example.com")
        self.change(self.z, ("CREATE", target))
        self.refuses("was not found", ("UPSERT", alias(self.z, "eu.example.com")), ("UPSERT", target))

    def test_the_target_must_have_the_type(self):
        self.change(
            self.z,
            ("CREATE", {"Name": "eu.example.com", "Type": "TXT", "TTL": 1, "ResourceRecords": [{"Value": '"x"'}]}),
        )
        self.refuses("was not found", ("CREATE", alias(self.z, "eu.example.com")))

    def test_the_target_must_lie_within_its_zone(self):
        self.refuses("does not lie within the target zone", ("CREATE", alias(self.z, "app.example.org")))

    def test_an_alias_is_listed_without_a_ttl(self):
        self.change(self.z, ("CREATE", simple("eu.example.com")), ("CREATE", alias(self.z, "EU.example.com.")))
        listed = self.route53.list_resource_record_sets(HostedZoneId=self.z)["ResourceRecordSets"]
        shown = next(record for record in listed if "AliasTarget" in record)
        self.assertNotIn("TTL", shown)
        self.assertNotIn("ResourceRecords", shown)
        self.assertEqual(shown["AliasTarget"]["DNSName"], "eu.example.com.")
        self.change(self.z, ("DELETE", shown))

    def test_a_failover_alias_must_evaluate_its_target(self):
        self.change(self.z, ("CREATE", simple("eu.example.com")))
        record = alias(self.z, "eu.example.com", health=False, SetIdentifier="p", Failover="PRIMARY")
        self.refuses("EvaluateTargetHealth", ("CREATE", record))


class Conflicts(RecordTest):
    def test_a_simple_record_stands_alone(self):
        self.change(self.z, ("CREATE", simple()))
        self.refuses("other RRSets exist with the same name and type", ("CREATE", geo("a", CountryCode="*")))
        self.change(self.z, ("DELETE", simple()), ("CREATE", geo("a", CountryCode="*")))
        self.refuses("other RRSets exist with the same name and type", ("CREATE", simple()))

    def test_a_second_primary_is_refused(self):
        check = self.check()
        primary = {"Failover": "PRIMARY", "HealthCheckId": check}
        self.change(self.z, ("CREATE", simple(SetIdentifier="a", **primary)))
        self.refuses("PRIMARY failover cannot be created", ("CREATE", simple(SetIdentifier="b", **primary)))

    def test_routing_policies_do_not_mix(self):
        self.change(self.z, ("CREATE", simple(SetIdentifier="a", Failover="SECONDARY")))
        self.refuses("failover RRSet", ("CREATE", simple(SetIdentifier="b", Weight=1)))

    def test_a_location_is_taken_once(self):
        self.change(self.z, ("CREATE", geo("a", ContinentCode="EU")))
        self.refuses("ContinentCode=EU", ("CREATE", geo("b", ContinentCode="EU")))
        self.change(self.z, ("UPSERT", geo("a", ContinentCode="EU")), ("CREATE", geo("b", CountryCode="DE")))

    def test_a_cname_has_its_name_for_itself(self):
        cname = {"Name": NAME, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "other.example.com"}]}
        self.change(self.z, ("CREATE", simple()))
        self.refuses("conflicts with other records", ("CREATE", cname))
        self.change(self.z, ("DELETE", simple()), ("CREATE", cname))
        self.refuses("conflicts with other records", ("CREATE", simple()))
        self.refuses("apex", ("CREATE", cname | {"Name": "example.com"}))


class Shapes(RecordTest):
    def test_routing_needs_a_set_identifier_and_a_set_identifier_routing(self):
        self.refuses("SetIdentifier", ("CREATE", simple(Weight=1)), code="InvalidInput")
        self.refuses("found none", ("CREATE", simple(SetIdentifier="a")), code="InvalidInput")
        two = simple(SetIdentifier="a", Weight=1, Failover="SECONDARY")
        self.refuses("more than one", ("CREATE", two), code="InvalidInput")

    def test_a_set_identifier_has_128_characters_at_most(self):
        self.change(self.z, ("CREATE", simple(SetIdentifier="x" * 128, Weight=1)))
        # boto3 refuses this one by itself, so it goes past boto3.
        with self.assertRaisesRegex(Refused, "less than or equal to 128"):
            check_shape("CREATE", simple(SetIdentifier="y" * 129, Weight=1))

    def test_places_must_exist_and_not_overlap(self):
        for location in (
            {"ContinentCode": "XX"},
            {"CountryCode": "XX"},
            {"ContinentCode": "EU", "CountryCode": "DE"},
            {"CountryCode": "DE", "SubdivisionCode": "BY"},
            {"CountryCode": "US", "SubdivisionCode": "XX"},
        ):
            self.refuses("", ("CREATE", geo("a", **location)), code="InvalidInput")
        self.change(self.z, ("CREATE", geo("a", CountryCode="US", SubdivisionCode="CA")))

    def test_a_record_has_a_ttl_or_an_alias(self):
        self.change(self.z, ("CREATE", simple("eu.example.com")))
        self.refuses("more than one", ("CREATE", alias(self.z, "eu.example.com") | {"TTL": 60}), code="InvalidInput")
        bare = simple()
        del bare["TTL"]
        self.refuses("found none", ("CREATE", bare), code="InvalidInput")

    def test_addresses_must_be_ones(self):
        for value in ("999.1.1.1", "example.com", "::1"):
            self.refuses("IPv4", ("CREATE", simple(value=value)))

    def test_a_value_is_given_once(self):
        self.refuses("Duplicate", ("CREATE", simple(ResourceRecords=[{"Value": "198.18.1.2"}] * 2)))

    def test_a_primary_without_a_check_is_refused(self):
        record = simple(SetIdentifier="a", Failover="PRIMARY")
        self.refuses("A non-alias primary ResourceRecordSet must have an associated health check", ("CREATE", record))

    def test_an_unknown_check_is_refused(self):
        record = simple(SetIdentifier="a", Failover="PRIMARY", HealthCheckId="00000000-0000-0000-0000-000000000000")
        self.refuses("", ("CREATE", record), code="NoSuchHealthCheck")


class Listing(RecordTest):
    def test_names_are_lower_case_and_a_star_is_escaped(self):
        self.change(self.z, ("CREATE", simple("*.APP.example.com")))
        self.assertEqual(self.names(self.z), [("\\052.app.example.com.", "A", None)])
        self.change(self.z, ("DELETE", simple("\\052.app.Example.com.")))

    def test_names_are_ordered_from_the_right(self):
        names = ["b.example.com", "a.b.example.com", "z.a.example.com", "a.example.com"]
        self.change(self.z, *(("CREATE", simple(name)) for name in names))
        listed = [name for name, _, _ in self.names(self.z)]
        self.assertEqual(listed, ["a.example.com.", "z.a.example.com.", "b.example.com.", "a.b.example.com."])

    def test_pages_may_end_inside_a_group(self):
        for n in range(7):
            self.change(self.z, ("CREATE", simple(SetIdentifier=f"s{n}", Weight=1)))
        first = self.route53.list_resource_record_sets(HostedZoneId=self.z, MaxItems="4")
        self.assertEqual((first["NextRecordName"], first["NextRecordIdentifier"]), ("app.example.com.", "s2"))
        pages = self.route53.get_paginator("list_resource_record_sets").paginate(
            HostedZoneId=self.z, PaginationConfig={"PageSize": 2}
        )
        seen = [r.get("SetIdentifier") for page in pages for r in page["ResourceRecordSets"] if r["Type"] == "A"]
        self.assertEqual(seen, [f"s{n}" for n in range(7)])

    def test_a_start_needs_its_parts(self):
        with self.refused("InvalidInput"):
            self.route53.list_resource_record_sets(HostedZoneId=self.z, StartRecordType="A")
