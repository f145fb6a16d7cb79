"""What an account runs into: no capacity, quotas, expired credentials, a wrong clock, throttling, storms."""

from cloud.ec2.room import _default_zones
from cloud.lab import lab
from cloud.tests.support import CloudTest, admin, client
from cloud.weather import storm
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends


class Room(CloudTest):
    def setUp(self):
        super().setUp()
        lab.settings.update({"no_capacity": "", "vcpu_quota": 32, "group_quota": 2500, "check_quota": 200})

    tearDown = setUp

    def subnet(self, zone):
        filters = [{"Name": "default-for-az", "Values": ["true"]}, {"Name": "availability-zone", "Values": [zone]}]
        return self.ec2.describe_subnets(Filters=filters)["Subnets"][0]["SubnetId"]

    def test_a_full_zone_refuses_and_names_those_with_room(self):
        first, second = _default_zones(ec2_backends[DEFAULT_ACCOUNT_ID]["us-east-1"])[:2]
        lab.settings.update({"no_capacity": f"t3.micro@{first}"})
        with self.refused("InsufficientInstanceCapacity", f"requested ({first})") as caught:
            self.run_one(SubnetId=self.subnet(first))
        self.assertIn(second, caught.exception.response["Error"]["Message"])
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 500)
        made = self.run_one(SubnetId=self.subnet(second))
        self.assertEqual(made["Placement"]["AvailabilityZone"], second)
        self.run_one(SubnetId=self.subnet(first), InstanceType="t3.small")

    def test_ec2s_own_choice_of_a_zone_may_be_a_full_one(self):
        first = _default_zones(ec2_backends[DEFAULT_ACCOUNT_ID]["us-east-1"])[0]
        lab.settings.update({"no_capacity": first})
        with self.refused("InsufficientInstanceCapacity"):
            self.run_one()

    def test_a_refused_token_keeps_its_parameters(self):
        lab.settings.update({"no_capacity": "t3.micro"})
        with self.refused("InsufficientInstanceCapacity"):
            self.run_one(ClientToken="one")
        with self.refused("IdempotentParameterMismatch"):
            self.run_one(ClientToken="one", InstanceType="t3.small")
        lab.settings.update({"no_capacity": ""})
        made = self.run_one(ClientToken="one")
        self.assertEqual(self.run_one(ClientToken="one")["InstanceId"], made["InstanceId"])

    def test_quotas_are_reached(self):
        lab.settings.update({"vcpu_quota": 2})
        first = self.run_one()
        with self.refused("VcpuLimitExceeded", "limit of 2 "):
            self.run_one()
        self.ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
        self.run_one()
        lab.settings.update({"group_quota": 1, "check_quota": 1})
        with self.refused("SecurityGroupLimitExceeded"):
            self.ec2.create_security_group(GroupName="one", Description="more")
        self.check()
        with self.refused("TooManyHealthChecks"):
            self.check()

    def vcpus(self, region="us-east-1", **asked):
        wanted = {"ServiceCode": "ec2", "QuotaCode": "L-1216C47A"} | asked
        return client("service-quotas", region).get_service_quota(**wanted)["Quota"]

    def test_service_quotas_tells_what_launches_run_into(self):
        lab.settings.update({"vcpu_quota": 3, "check_quota": 7})
        told = self.vcpus("eu-west-1")
        self.assertEqual((told["Value"], told["QuotaCode"], told["Adjustable"]), (3.0, "L-1216C47A", True))
        self.assertIn("On-Demand Standard", told["QuotaName"])
        self.assertIn(":eu-west-1:", told["QuotaArn"])
        self.run_one()
        with self.refused("VcpuLimitExceeded", "limit of 3 "):
            self.run_one()
        self.assertEqual(self.vcpus(ServiceCode="route53", QuotaCode="L-ACB674F3")["Value"], 7.0)

    def test_service_quotas_knows_no_other_quota(self):
        for wrong in ({"QuotaCode": "L-00000000"}, {"ServiceCode": "ec3"}, {"ServiceCode": "route53"}):
            with self.refused("NoSuchResourceException"):
                self.vcpus(**wrong)
        # Route 53's are told in one region only.
        with self.refused("NoSuchResourceException"):
            self.vcpus("eu-west-1", ServiceCode="route53", QuotaCode="L-ACB674F3")
        with self.refused("UnrecognizedClientException"):
            self.vcpus("af-south-1")

    def test_service_quotas_can_be_denied_in_one_region(self):
        rule = {"action": "error", "code": "AccessDeniedException", "message": "not authorized", "region": "eu-west-1"}
        admin("POST", "faults", rule | {"service": "servicequotas", "operation": "GetServiceQuota"})
        with self.refused("AccessDeniedException", "not authorized"):
            self.vcpus("eu-west-1")
        self.assertEqual(self.vcpus()["Value"], 32.0)

    def test_route_53_counts_checks_against_their_limit(self):
        lab.settings.update({"check_quota": 3})
        self.check()
        told = self.route53.get_account_limit(Type="MAX_HEALTH_CHECKS_BY_OWNER")
        self.assertEqual((told["Limit"]["Value"], told["Count"]), (3, 1))
        with self.refused("InvalidInput"):
            self.route53.get_account_limit(Type="MAX_HOSTED_ZONES_BY_OWNER")

    def test_quotas_are_whole_numbers(self):
        for wrong in ({"vcpu_quota": "many"}, {"vcpu_quota": -1}):
            self.assertEqual(admin("POST", "settings", wrong)[0], 400)


class Clock(CloudTest):
    def tearDown(self):
        lab.settings.update({"clock_ahead_seconds": 0})

    def test_a_signature_of_another_time_is_refused_in_each_services_words(self):
        lab.settings.update({"clock_ahead_seconds": 400})
        self.ec2.describe_instances()
        lab.settings.update({"clock_ahead_seconds": 3600})
        with self.refused("RequestExpired") as caught:
            self.ec2.describe_instances()
        self.assertIn("date", caught.exception.response["ResponseMetadata"]["HTTPHeaders"])
        with self.refused("SignatureDoesNotMatch", "Signature expired"):
            client("sts").get_caller_identity()
        lab.settings.update({"clock_ahead_seconds": -3600})
        with self.refused("SignatureDoesNotMatch", "not yet current"):
            client("sts").get_caller_identity()


class Weather(CloudTest):
    def rule(self, **rule):
        self.assertEqual(admin("POST", "faults", rule)[0], 201)

    def test_credentials_expire_after_so_many_calls(self):
        self.rule(action="expire", skip=1)
        self.ec2.describe_instances()
        with self.refused("RequestExpired"):
            self.ec2.describe_instances()
        with self.refused("ExpiredToken"):
            self.route53.list_hosted_zones()

    def test_each_service_throttles_in_its_own_words(self):
        self.rule(action="throttle")
        with self.refused("RequestLimitExceeded"):
            self.ec2.describe_instances()
        with self.refused("Throttling"):
            self.route53.list_hosted_zones()

    def test_a_storm_is_the_same_for_the_same_seed_in_whatever_order_calls_arrive(self):
        def outcomes(regions):
            self.rule(action="storm", probability=0.5, seed=3)
            for region in regions:
                for _ in range(6):
                    try:
                        client("ec2", region).describe_volumes()
                    except Exception:  # whatever the storm did, the log has it
                        pass
            log = admin("GET", "requests/log")[1]
            admin("DELETE", "faults")
            admin("DELETE", "requests")
            return sorted((one["region"], one["operation"], one["status"] or 0, one["error"] or "") for one in log)

        first = outcomes(["us-east-1", "eu-west-1"])
        self.assertEqual(first, outcomes(["eu-west-1", "us-east-1"]))
        self.assertGreater(len({outcome[2:] for outcome in first}), 2)

    def test_a_storm_does_everything(self):
        class Call:
            service, region, operation = "ec2", "us-east-1", "DescribeVolumes"

        from cloud.faults import Rule

        seen = {storm(Rule("storm"), Call, number).action for number in range(100)}
        self.assertEqual(seen, {"throttle", "error", "reset", "delay", "lost"})
