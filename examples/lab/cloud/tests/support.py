"""One cloud on a free port for all tests of the process, with clients and an admin API."""

import contextlib
import itertools
import json
import time
import unittest
import urllib.request
from unittest import mock

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from cloud import gateway
from cloud.ec2 import instance, lifecycle
from cloud.lab import lab
from cloud.reset import reset
from cloud.route53 import change_status, rate
from cloud.server import Server

_QUICK = {
    "pending_seconds": 0,
    "shutting_down_seconds": 0,
    "not_found_seconds": 0,
    "insync_seconds": 0,
    "change_seconds": 0,
    "terminated_listed_seconds": 3600,
    "rate_limit": False,
    "free_plan": False,
    "node_kind": "none",
}
_server = Server("127.0.0.1", 0, gateway.answer)
_server.start()
URL = f"http://127.0.0.1:{_server.port}"
_clients = {}
numbers = itertools.count(1)


def client(service, region="us-east-1", read_timeout=120):
    """A boto3 client that tries once."""
    if (service, region, read_timeout) not in _clients:
        config = Config(retries={"max_attempts": 0}, read_timeout=read_timeout, connect_timeout=60)
        _clients[service, region, read_timeout] = boto3.client(
            service, region, endpoint_url=URL, aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="secret", config=config,
        )  # fmt: skip
    return _clients[service, region, read_timeout]


def admin(method, path, body=None):
    """One call of the admin API: (status, parsed answer)."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{URL}/_lab/{path}", data, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


class FakeClock:
    """Stands for the module `time` where states and limits depend on it: it moves when it is told to."""

    def __init__(self):
        self._now = time.monotonic()

    def monotonic(self):
        return self._now

    def advance(self, seconds):
        self._now += seconds


class CloudTest(unittest.TestCase):
    """Every test begins with an empty account and no waiting."""

    def setUp(self):
        reset()
        lab.settings.update(_QUICK)
        self.ec2 = client("ec2")
        self.route53 = client("route53")

    def stop_clock(self):
        """The clock of all states and limits, which stands still from now on."""
        clock = FakeClock()
        for module in (instance, lifecycle, change_status, rate):
            patch = mock.patch.object(module, "time", clock)
            patch.start()
            self.addCleanup(patch.stop)
        return clock

    @contextlib.contextmanager
    def refused(self, code, words=""):
        """The body must be refused with this code and these words in the message."""
        with self.assertRaises(ClientError) as caught:
            yield caught
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], code, error["Message"])
        self.assertIn(words, error["Message"])

    def image(self, architecture="x86_64", region="us-east-1"):
        """The id of the newest Debian 13 image."""
        filters = [{"Name": "name", "Values": ["debian-13-*"]}, {"Name": "architecture", "Values": [architecture]}]
        images = client("ec2", region).describe_images(Owners=["136693071363"], Filters=filters)["Images"]
        return max(images, key=lambda image: image["CreationDate"])["ImageId"]

    def run_one(self, region="us-east-1", **more):
        """Runs one t3.micro and returns its description."""
        wanted = {"ImageId": self.image(region=region), "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
        return client("ec2", region).run_instances(**(wanted | more))["Instances"][0]

    def describe(self, instance_id):
        """The instance as EC2 shows it."""
        return self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]

    def zone(self, name="example.com"):
        """The id of a new hosted zone."""
        made = self.route53.create_hosted_zone(Name=name, CallerReference=f"zone-{next(numbers)}")
        return made["HostedZone"]["Id"].rsplit("/", 1)[-1]

    def change(self, zone_id, *changes):
        """One batch of (action, record) pairs."""
        batch = [{"Action": action, "ResourceRecordSet": record} for action, record in changes]
        return self.route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": batch})

    def names(self, zone_id):
        """(name, type, set identifier) of all records but NS and SOA."""
        listed = self.route53.list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"]
        return [(r["Name"], r["Type"], r.get("SetIdentifier")) for r in listed if r["Type"] not in ("NS", "SOA")]

    def check(self, **more):
        """The id of a new health check."""
        config = {"Type": "HTTP", "IPAddress": "198.18.1.2", "Port": 80} | more
        made = self.route53.create_health_check(CallerReference=f"check-{next(numbers)}", HealthCheckConfig=config)
        return made["HealthCheck"]["Id"]
