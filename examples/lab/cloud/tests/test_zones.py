"""Hosted zones, changes on their way, tags and the rate limit of Route 53."""

import threading
from types import SimpleNamespace
from unittest import mock

from botocore.exceptions import ClientError

from cloud.lab import lab
from cloud.route53 import zones
from cloud.tests.support import CloudTest
from cloud.tests.test_records import simple


class Zones(CloudTest):
    def test_a_caller_reference_makes_one_zone(self):
        self.route53.create_hosted_zone(Name="example.com", CallerReference="once")
        with self.refused("HostedZoneAlreadyExists"):
            self.route53.create_hosted_zone(Name="example.com", CallerReference="once")

    def test_two_zones_may_have_one_name(self):
        zones = {self.zone(), self.zone()}
        listed = self.route53.list_hosted_zones_by_name(DNSName="example.com")["HostedZones"]
        self.assertEqual({zone["Id"].rsplit("/", 1)[-1] for zone in listed}, zones)

    def test_zones_by_name_go_on_from_the_name(self):
        for name in ("a.org", "example.com", "b.example.com", "zzz.com"):
            self.zone(name)
        names = [z["Name"] for z in self.route53.list_hosted_zones_by_name(DNSName="example.com")["HostedZones"]]
        self.assertEqual(names, ["example.com.", "b.example.com.", "zzz.com.", "a.org."])
        first = self.route53.list_hosted_zones_by_name(DNSName="example.com", MaxItems="1")
        self.assertEqual((first["IsTruncated"], first["NextDNSName"]), (True, "b.example.com."))
        again = self.route53.list_hosted_zones_by_name(
            DNSName=first["NextDNSName"], HostedZoneId=first["NextHostedZoneId"], MaxItems="1"
        )
        self.assertEqual(again["HostedZones"][0]["Name"], "b.example.com.")

    def test_a_zone_with_records_cannot_be_deleted(self):
        zone = self.zone()
        self.change(zone, ("CREATE", simple()))
        with self.refused("HostedZoneNotEmpty"):
            self.route53.delete_hosted_zone(Id=zone)
        self.change(zone, ("DELETE", simple()))
        self.route53.delete_hosted_zone(Id=zone)
        with self.refused("NoSuchHostedZone"):
            self.route53.get_hosted_zone(Id=zone)

    def test_a_change_is_pending_then_insync(self):
        clock = self.stop_clock()
        lab.settings.update({"insync_seconds": 5})
        info = self.change(self.zone(), ("CREATE", simple()))["ChangeInfo"]
        self.assertEqual(info["Status"], "PENDING")
        self.assertEqual(self.route53.get_change(Id=info["Id"])["ChangeInfo"]["Status"], "PENDING")
        clock.advance(5)
        self.assertEqual(self.route53.get_change(Id=info["Id"])["ChangeInfo"]["Status"], "INSYNC")

    def test_an_unknown_change_is_refused(self):
        with self.refused("NoSuchChange"):
            self.route53.get_change(Id="C0000000000000000000")

    def test_two_changes_of_a_zone_at_once_are_refused(self):
        zone, other = self.zone(), self.zone("example.org")
        begun, may_end = threading.Event(), threading.Event()

        def sleep(_seconds):
            if not begun.is_set():
                begun.set()
                may_end.wait(60)

        slow = threading.Thread(target=self.change, args=(zone, ("CREATE", simple())))
        with mock.patch.object(zones, "time", SimpleNamespace(sleep=sleep)):
            slow.start()
            self.assertTrue(begun.wait(60), "the first change never began")
            with self.refused("PriorRequestNotComplete"):
                self.change(zone, ("CREATE", simple("b.example.com")))
            self.change(other, ("CREATE", simple("b.example.org")))
            may_end.set()
            slow.join()
        self.assertEqual([name for name, *_ in self.names(zone)], ["app.example.com."])

    def test_the_account_has_five_calls_a_second(self):
        clock = self.stop_clock()
        lab.settings.update({"rate_limit": True})

        def outcome():
            try:
                self.route53.get_hosted_zone_count()
            except ClientError as error:
                return error.response["Error"]["Code"], error.response["Error"]["Message"]

        throttled = ("Throttling", "Rate exceeded")
        self.assertEqual([outcome() for _ in range(12)], [None] * 5 + [throttled] * 7)
        clock.advance(0.45)
        self.assertEqual([outcome() for _ in range(3)], [None] * 2 + [throttled])


class Tags(CloudTest):
    def tag(self, kind, resource_id, *tags):
        wanted = [{"Key": key, "Value": value} for key, value in tags]
        self.route53.change_tags_for_resource(ResourceType=kind, ResourceId=resource_id, AddTags=wanted)

    def test_tags_come_back(self):
        zone, check = self.zone(), self.check()
        self.tag("hostedzone", zone, ("dsline:line", "demo"))
        self.tag("healthcheck", check, ("dsline:line", "demo"))
        sets = self.route53.list_tags_for_resources(ResourceType="healthcheck", ResourceIds=[check])["ResourceTagSets"]
        self.assertEqual(sets[0]["Tags"], [{"Key": "dsline:line", "Value": "demo"}])

    def test_only_some_characters_are_allowed(self):
        check = self.check()
        for pair in (("a*", "b"), ("a", "b*"), ("aws:a", "b"), ("x" * 129, "")):
            with self.refused("InvalidInput"):
                self.tag("healthcheck", check, pair)
        with self.refused("InvalidInput"):
            self.tag("healthcheck", check, ("a", "1"), ("a", "2"))

    def test_unknown_resources_have_no_tags(self):
        with self.refused("NoSuchHealthCheck"):
            self.tag("healthcheck", "nobody", ("a", "b"))
        with self.refused("NoSuchHostedZone"):
            self.tag("hostedzone", "ZNOBODY", ("a", "b"))

    def test_ten_resources_are_listed_at_most(self):
        with self.refused("InvalidInput", "10"):
            self.route53.list_tags_for_resources(ResourceType="healthcheck", ResourceIds=[self.check()] * 11)
