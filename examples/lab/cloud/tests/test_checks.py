"""Route 53's health checks: caller references, settings, versions, paging, status."""

from datetime import datetime, timezone

from cloud import hooks
from cloud.dns_source import Source
from cloud.tests.support import CloudTest

_HTTP = {"Type": "HTTP", "IPAddress": "198.18.1.2", "Port": 80}


class References(CloudTest):
    def make(self, reference, **more):
        return self.route53.create_health_check(CallerReference=reference, HealthCheckConfig=_HTTP | more)[
            "HealthCheck"
        ]

    def test_the_same_reference_and_settings_give_the_same_check(self):
        self.assertEqual(self.make("one")["Id"], self.make("one", ResourcePath="/")["Id"])

    def test_the_same_reference_with_other_settings_is_refused(self):
        self.make("one")
        with self.refused("HealthCheckAlreadyExists"):
            self.make("one", Port=81)

    def test_the_reference_of_a_deleted_check_stays_taken(self):
        self.route53.delete_health_check(HealthCheckId=self.make("one")["Id"])
        with self.refused("HealthCheckAlreadyExists"):
            self.make("one")

    def test_an_unknown_check_cannot_be_deleted(self):
        with self.refused("NoSuchHealthCheck"):
            self.route53.delete_health_check(HealthCheckId="00000000-0000-0000-0000-000000000000")


class Config(CloudTest):
    def test_wrong_settings_are_refused(self):
        for wrong in (
            {"RequestInterval": 17},
            {"FailureThreshold": 11},
            {"IPAddress": "10.0.0.1"},
            {"IPAddress": "127.0.0.1"},
            {"IPAddress": "192.168.1.1"},
            {"IPAddress": "203.0.113.5"},
            {"IPAddress": "nonsense"},
            {"SearchString": "x"},
            {"EnableSNI": True},
            {"Type": "TCP", "ResourcePath": "/x"},
            {"Type": "HTTP_STR_MATCH"},
            {"Regions": ["us-east-1", "eu-west-1", "eu-north-1"]},
        ):
            with self.subTest(wrong), self.refused("InvalidInput"):
                self.check(**wrong)

    def test_an_address_or_a_name_is_needed(self):
        with self.refused("InvalidInput"):
            self.route53.create_health_check(CallerReference="x", HealthCheckConfig={"Type": "HTTP"})

    def test_defaults_are_filled_in(self):
        made = self.route53.get_health_check(HealthCheckId=self.check(Type="HTTPS", Port=443, ResourcePath="healthz"))
        config = made["HealthCheck"]["HealthCheckConfig"]
        self.assertEqual((config["ResourcePath"], config["RequestInterval"]), ("/healthz", 30))
        self.assertEqual((config["FailureThreshold"], config["EnableSNI"]), (3, True))

    def test_a_calculated_check_needs_children_that_exist(self):
        calculated = {"Type": "CALCULATED", "HealthThreshold": 1, "ChildHealthChecks": ["nobody"]}
        with self.refused("InvalidInput", "nobody"):
            self.route53.create_health_check(CallerReference="x", HealthCheckConfig=calculated)


class Updates(CloudTest):
    def test_an_update_keeps_the_rest_and_counts_versions(self):
        check = self.check(ResourcePath="/healthz")
        changed = self.route53.update_health_check(HealthCheckId=check, Inverted=True, HealthCheckVersion=1)[
            "HealthCheck"
        ]
        self.assertEqual(changed["HealthCheckVersion"], 2)
        self.assertEqual(changed["HealthCheckConfig"]["ResourcePath"], "/healthz")
        with self.refused("HealthCheckVersionMismatch"):
            self.route53.update_health_check(HealthCheckId=check, Inverted=False, HealthCheckVersion=1)

    def test_what_cannot_change_is_refused(self):
        by_name = self.route53.create_health_check(
            CallerReference="x", HealthCheckConfig={"Type": "HTTP", "FullyQualifiedDomainName": "example.com"}
        )["HealthCheck"]["Id"]
        with self.refused("InvalidInput", "IPAddress"):
            self.route53.update_health_check(HealthCheckId=by_name, IPAddress="198.18.1.2")
        with self.refused("InvalidInput", "SearchString"):
            self.route53.update_health_check(HealthCheckId=by_name, SearchString="ok")
        with self.refused("InvalidInput", "FailureThreshold"):
            self.route53.update_health_check(HealthCheckId=by_name, FailureThreshold=11)

    def test_pages_hold_every_check_once(self):
        made = {self.check() for _ in range(5)}
        pages = self.route53.get_paginator("list_health_checks").paginate(PaginationConfig={"PageSize": 2})
        seen = [check["Id"] for page in pages for check in page["HealthChecks"]]
        self.assertEqual((set(seen), len(seen)), (made, 5))


class Seen(CloudTest):
    """Status and answers come from whatever dns part is attached."""

    def setUp(self):
        super().setUp()
        hooks.attach(self)
        self.addCleanup(hooks.attach, None)

    def health(self, check_id):
        now = datetime.now(timezone.utc)
        seen = {"region": "us-east-1", "ip": "198.18.0.1", "status": "Failure: timeout", "checked_time": now}
        return {"healthy": False, "observations": [seen]}

    def answer(self, zone_id, name, rtype, client_ip):
        return {"rcode": "NOERROR", "values": [client_ip], "path": []}

    def test_the_status_is_what_the_probers_saw(self):
        seen = self.route53.get_health_check_status(HealthCheckId=self.check())["HealthCheckObservations"]
        self.assertEqual(seen[0]["StatusReport"]["Status"], "Failure: timeout")
        with self.refused("NoSuchHealthCheck"):
            self.route53.get_health_check_status(HealthCheckId="00000000-0000-0000-0000-000000000000")

    def test_the_last_failure_is_one_of_them(self):
        seen = self.route53.get_health_check_last_failure_reason(HealthCheckId=self.check())
        self.assertEqual(len(seen["HealthCheckObservations"]), 1)

    def test_the_answer_is_the_evaluators(self):
        said = self.route53.test_dns_answer(
            HostedZoneId=self.zone(), RecordName="app.example.com", RecordType="A", EDNS0ClientSubnetIP="192.0.2.0",
            EDNS0ClientSubnetMask="24",
        )  # fmt: skip
        self.assertEqual((said["RecordData"], said["ResponseCode"]), (["192.0.2.0"], "NOERROR"))

    def test_the_source_shows_zones_records_and_checks(self):
        zone, check, source = self.zone(), self.check(), Source()
        self.assertEqual(source.zones(), [{"id": zone, "name": "example.com."}])
        self.assertEqual({record["Type"] for record in source.records(zone)}, {"NS", "SOA"})
        self.assertEqual(source.checks()[check]["HealthCheckConfig"]["IPAddress"], "198.18.1.2")

    def test_without_a_dns_part_the_service_is_unavailable(self):
        hooks.attach(None)
        with self.refused("ServiceUnavailable", "--dns-port"):
            self.route53.get_health_check_status(HealthCheckId=self.check())
