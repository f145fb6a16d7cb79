"""The lab's own parts: log, faults, settings, nodes, cut connections, CloudWatch's protocols."""

import json
import threading
import time
import urllib.request
from datetime import datetime, timedelta, timezone

import cbor2
from botocore.exceptions import ClientError, ConnectionClosedError, ConnectionError, ReadTimeoutError

from cloud.lab import lab
from cloud.tests.support import URL, CloudTest, admin, client


class Log(CloudTest):
    def test_calls_are_counted_by_service_region_and_operation(self):
        self.ec2.describe_instances()
        client("ec2", "eu-west-1").describe_instances()
        self.route53.list_hosted_zones()
        counts = admin("GET", "requests")[1]
        self.assertEqual(counts["ec2"]["us-east-1"], {"DescribeInstances": 1})
        self.assertEqual(counts["ec2"]["eu-west-1"], {"DescribeInstances": 1})
        self.assertEqual(counts["route53"]["us-east-1"], {"ListHostedZones": 1})
        admin("DELETE", "requests")
        self.assertEqual(admin("GET", "requests")[1], {})

    def test_the_log_has_outcomes(self):
        with self.refused("InvalidInstanceID.NotFound"):
            self.describe("i-00000000000000000")
        entry = admin("GET", "requests/log")[1][-1]
        self.assertEqual((entry["status"], entry["error"]), (400, "InvalidInstanceID.NotFound"))


class Faults(CloudTest):
    def rule(self, **rule):
        status, made = admin("POST", "faults", rule)
        self.assertEqual(status, 201, made)

    def test_an_error_in_each_protocol(self):
        self.rule(action="error", code="RequestLimitExceeded", message="Slow down", times=3)
        with self.refused("RequestLimitExceeded", "Slow down"):
            self.ec2.describe_instances()
        with self.refused("RequestLimitExceeded", "Slow down"):
            self.route53.list_hosted_zones()
        with self.refused("RequestLimitExceeded", "Slow down"):
            client("cloudwatch").list_metrics()
        self.ec2.describe_instances()

    def test_skip_times_and_match(self):
        self.rule(action="error", code="Boom", operation="DescribeVolumes", region="us-east-1", skip=1, times=1)
        self.ec2.describe_volumes()
        with self.refused("Boom"):
            self.ec2.describe_volumes()
        self.ec2.describe_volumes()
        client("ec2", "eu-west-1").describe_volumes()
        self.assertEqual(admin("GET", "faults")[1][0]["hits"], 1)

    def held(self, action):
        """Runs RunInstances into a rule in a thread; returns when the rule keeps the call, with what ends it."""
        image = self.image()
        self.rule(action=action, operation="RunInstances", times=1)
        caller = threading.Thread(target=self.run_in_vain, args=(image,), daemon=True)
        caller.start()
        deadline = time.monotonic() + 60
        while not admin("GET", "faults")[1][0]["reached"]:
            self.assertLess(time.monotonic(), deadline, "the rule never struck")
            time.sleep(0.02)
        return caller

    def run_in_vain(self, image):
        with self.assertRaises((ConnectionClosedError, ConnectionError)):
            self.run_one(ImageId=image)

    def test_a_call_is_held_before_it_is_executed_and_then_dropped(self):
        caller = self.held("hold")
        self.assertEqual(admin("GET", "account")[1]["instances"], [])
        admin("DELETE", "faults")
        caller.join(60)
        self.assertFalse(caller.is_alive())
        self.assertEqual(admin("GET", "account")[1]["instances"], [])

    def test_a_call_is_held_after_it_was_executed(self):
        caller = self.held("held")
        self.assertEqual(len(admin("GET", "account")[1]["instances"]), 1)
        admin("DELETE", "faults")
        caller.join(60)
        self.assertFalse(caller.is_alive())

    def test_a_lost_answer_leaves_the_deed_done(self):
        image = self.image()
        self.rule(action="lost", operation="RunInstances", times=1)
        with self.assertRaises((ConnectionClosedError, ConnectionError)):
            self.run_one(ImageId=image, ClientToken="one")
        made = self.ec2.describe_instances()["Reservations"]
        self.assertEqual(len(made), 1)
        again = self.run_one(ImageId=image, ClientToken="one")
        self.assertEqual(again["InstanceId"], made[0]["Instances"][0]["InstanceId"])

    def test_a_reset_does_nothing(self):
        image = self.image()
        self.rule(action="reset", operation="RunInstances", times=1)
        with self.assertRaises((ConnectionClosedError, ConnectionError)):
            self.run_one(ImageId=image)
        self.assertEqual(self.ec2.describe_instances()["Reservations"], [])

    def test_a_dark_region_hangs_and_the_others_do_not(self):
        self.rule(action="dark", region="eu-west-1")
        with self.assertRaises(ReadTimeoutError):
            client("ec2", "eu-west-1", read_timeout=1).describe_instances()
        self.ec2.describe_instances()
        admin("DELETE", "faults")
        client("ec2", "eu-west-1").describe_instances()

    def test_a_delay_delays(self):
        self.rule(action="delay", seconds=0.3)
        begun = time.monotonic()
        self.ec2.describe_instances()
        self.assertGreater(time.monotonic() - begun, 0.3)

    def test_a_probability_with_a_seed_repeats_itself(self):
        def outcomes():
            self.rule(action="error", code="Boom", probability=0.5, seed=7)
            seen = []
            for _ in range(8):
                try:
                    self.ec2.describe_volumes()
                    seen.append(True)
                except self.ec2.exceptions.ClientError:
                    seen.append(False)
            admin("DELETE", "faults")
            return seen

        first = outcomes()
        self.assertEqual(first, outcomes())
        self.assertEqual(set(first), {True, False})

    def test_a_bad_rule_is_refused_with_words(self):
        for rule in ({"action": "explode"}, {"action": "error"}, {"action": "dark", "colour": "red"}):
            status, said = admin("POST", "faults", rule)
            self.assertEqual(status, 400)
            self.assertIn("error", said)


class Admin(CloudTest):
    def test_settings_change_and_bad_ones_are_refused(self):
        self.assertEqual(admin("POST", "settings", {"insync_seconds": "2"})[1]["insync_seconds"], 2.0)
        for wrong in ({"colour": 1}, {"node_kind": "big"}, {"insync_seconds": -1}, {"rate_limit": "maybe"}):
            self.assertEqual(admin("POST", "settings", wrong)[0], 400)

    def test_nodes_are_listed_and_switched_by_region_and_slot(self):
        pairs = {"dsline:line": "demo", "dsline:region": "us-east-1", "dsline:slot": "1"}
        tags = [{"Key": key, "Value": value} for key, value in pairs.items()]
        made = self.run_one(TagSpecifications=[{"ResourceType": "instance", "Tags": tags}])
        self.describe(made["InstanceId"])
        shown = admin("GET", "nodes")[1][0]
        self.assertEqual((shown["line"], shown["slot"], shown["address"]), ("demo", "1", made["PublicIpAddress"]))
        for name in ("us-east-1/1", "demo/us-east-1/1", made["InstanceId"]):
            self.assertEqual(admin("POST", f"nodes/{name}/off")[1]["instance"], made["InstanceId"])
            stopped = self.describe(made["InstanceId"])
            self.assertEqual(stopped["State"]["Name"], "stopped")
            self.assertEqual(stopped["StateReason"]["Code"], "Client.InstanceInitiatedShutdown")
            admin("POST", f"nodes/{name}/on")
            self.assertEqual(self.describe(made["InstanceId"])["State"]["Name"], "running")
        self.assertEqual(admin("POST", "nodes/eu-west-1/9/off")[0], 404)

    def test_the_callers_address(self):
        with urllib.request.urlopen(f"{URL}/_lab/address") as answer:
            self.assertEqual(answer.read(), b"127.0.0.1\n")

    def test_a_reset_empties_everything_but_settings(self):
        lab.settings.update({"insync_seconds": 3})
        self.run_one()
        self.zone()
        admin("POST", "reset")
        self.assertEqual(self.ec2.describe_instances()["Reservations"], [])
        self.assertEqual(self.route53.list_hosted_zones()["HostedZones"], [])
        self.assertEqual(lab.settings.insync_seconds, 3)


class Metrics(CloudTest):
    def test_metrics_come_back_through_cbor(self):
        metrics, now = client("cloudwatch"), datetime.now(timezone.utc)
        dimensions = [{"Name": "InstanceId", "Value": "i-1"}]
        data = [{"MetricName": "CPUUtilization", "Value": value, "Dimensions": dimensions} for value in (10.0, 20.0)]
        metrics.put_metric_data(Namespace="AWS/EC2", MetricData=data)
        span = {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=5)}
        points = metrics.get_metric_statistics(
            Namespace="AWS/EC2", MetricName="CPUUtilization", Dimensions=dimensions, Period=3600, Statistics=["Average"],
            **span,
        )["Datapoints"]  # fmt: skip
        self.assertEqual([point["Average"] for point in points], [15.0])
        metric = {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Dimensions": dimensions}
        query = {"Id": "a", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "p50"}}
        found = metrics.get_metric_data(MetricDataQueries=[query], **span)["MetricDataResults"]
        self.assertEqual(found[0]["Values"], [15.0])
        self.assertEqual(metrics.list_metrics()["Metrics"][0]["MetricName"], "CPUUtilization")

    def test_errors_come_back_in_cbor(self):
        now = datetime.now(timezone.utc)
        with self.refused("InvalidParameterCombination"):
            client("cloudwatch").get_metric_statistics(
                Namespace="x", MetricName="y", StartTime=now - timedelta(hours=1), EndTime=now, Period=60
            )

    def test_the_wire_is_what_the_rust_sdk_sends(self):
        body = cbor2.dumps({"Namespace": "dsline", "MetricData": [{"MetricName": "Load", "Value": 1.5}]})
        scope = "Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/monitoring/aws4_request"
        headers = {
            "smithy-protocol": "rpc-v2-cbor",
            "Content-Type": "application/cbor",
            "Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=x",
        }
        path = f"{URL}/service/GraniteServiceVersion20100801/operation/PutMetricData"
        with urllib.request.urlopen(urllib.request.Request(path, body, headers)) as answer:
            self.assertEqual((answer.status, answer.headers["smithy-protocol"]), (200, "rpc-v2-cbor"))
            self.assertEqual(cbor2.loads(answer.read()), {})

    def test_the_query_protocol_still_works(self):
        scope = "Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/monitoring/aws4_request"
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=x",
        }
        body = b"Action=ListMetrics&Version=2010-08-01"
        with urllib.request.urlopen(urllib.request.Request(URL + "/", body, headers)) as answer:
            self.assertIn(b"<ListMetricsResponse", answer.read())


class FreeTier(CloudTest):
    def test_the_plan_is_what_the_setting_says(self):
        plan = client("freetier").get_account_plan_state()["accountPlanType"]
        lab.settings.update({"free_plan": True})
        self.assertEqual((plan, client("freetier").get_account_plan_state()["accountPlanType"]), ("PAID", "FREE"))


class PriceList(CloudTest):
    def test_prices_come_in_pages_of_whole_products(self):
        pages = client("pricing").get_paginator("get_products").paginate(
            ServiceCode="AmazonVPC",
            Filters=[
                {"Type": "TERM_MATCH", "Field": "group", "Value": "VPCPublicIPv4Address"},
                {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "eu-west-1"},
            ],
        )
        lists = [page["PriceList"] for page in pages]
        self.assertEqual([len(page) for page in lists], [2, 1])
        usage = [json.loads(text)["product"]["attributes"]["usagetype"] for page in lists for text in page]
        self.assertEqual(usage[-1], "EU-PublicIPv4:InUseAddress")

    def test_what_it_does_not_know_is_refused(self):
        wrong = [{"Type": "TERM_MATCH", "Field": "region", "Value": "eu-west-1"}]
        for asked in ({"ServiceCode": "EC2"}, {"ServiceCode": "AmazonEC2", "Filters": wrong}):
            with self.assertRaises(ClientError):
                client("pricing").get_products(**asked)
