"""EC2 instances: tokens, states over time, filters, launch checks."""

import base64

from cloud.lab import lab
from cloud.tests.support import CloudTest, client


class Tokens(CloudTest):
    def test_the_same_call_again_gives_the_same_instance(self):
        first, image = self.run_one(ClientToken="one"), self.image()
        self.assertEqual(self.run_one(ClientToken="one", ImageId=image)["InstanceId"], first["InstanceId"])

    def test_another_call_with_the_token_is_refused(self):
        self.run_one(ClientToken="one")
        with self.refused("IdempotentParameterMismatch"):
            self.run_one(ClientToken="one", InstanceType="t3.small")

    def test_a_token_whose_instance_is_terminated_is_refused(self):
        made = self.run_one(ClientToken="one")
        self.ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
        with self.refused("IdempotentInstanceTerminated", made["InstanceId"]):
            self.run_one(ClientToken="one")

    def test_a_token_belongs_to_its_region(self):
        first = self.run_one(ClientToken="one")
        self.assertNotEqual(first["InstanceId"], self.run_one("eu-west-1", ClientToken="one")["InstanceId"])

    def test_a_token_longer_than_64_is_refused(self):
        with self.refused("InvalidParameterValue", "64"):
            self.run_one(ClientToken="x" * 65)

    def test_the_filter_finds_the_token(self):
        made = self.run_one(ClientToken="one")
        self.run_one(ClientToken="two")
        found = self.ec2.describe_instances(Filters=[{"Name": "client-token", "Values": ["one"]}])["Reservations"]
        self.assertEqual([r["Instances"][0]["InstanceId"] for r in found], [made["InstanceId"]])


class States(CloudTest):
    def test_an_instance_is_pending_then_running(self):
        clock = self.stop_clock()
        lab.settings.update({"pending_seconds": 5})
        made = self.run_one()
        self.assertEqual(self.describe(made["InstanceId"])["State"]["Name"], "pending")
        clock.advance(4.9)
        self.assertEqual(self.describe(made["InstanceId"])["State"]["Name"], "pending")
        clock.advance(0.1)
        self.assertEqual(self.describe(made["InstanceId"])["State"]["Name"], "running")

    def test_a_terminated_instance_passes_through_shutting_down_and_loses_its_network(self):
        clock = self.stop_clock()
        lab.settings.update({"shutting_down_seconds": 5})
        made = self.run_one()["InstanceId"]
        answer = self.ec2.terminate_instances(InstanceIds=[made])["TerminatingInstances"][0]
        self.assertEqual(
            (answer["PreviousState"]["Name"], answer["CurrentState"]["Name"]), ("running", "shutting-down")
        )
        self.assertEqual(self.describe(made)["State"]["Name"], "shutting-down")
        clock.advance(5)
        shown = self.describe(made)
        self.assertEqual(shown["State"]["Name"], "terminated")
        self.assertNotIn("PublicIpAddress", shown)
        self.assertNotIn("PrivateIpAddress", shown)
        self.assertEqual(self.ec2.describe_volumes()["Volumes"], [])
        self.assertEqual(self.ec2.describe_network_interfaces()["NetworkInterfaces"], [])

    def test_terminating_again_changes_nothing(self):
        made = self.run_one()["InstanceId"]
        self.ec2.terminate_instances(InstanceIds=[made])
        answer = self.ec2.terminate_instances(InstanceIds=[made])["TerminatingInstances"][0]
        self.assertEqual(answer["CurrentState"]["Name"], "terminated")

    def test_one_unknown_id_fails_the_whole_termination(self):
        made = self.run_one()["InstanceId"]
        with self.refused("InvalidInstanceID.NotFound", "i-00000000000000000"):
            self.ec2.terminate_instances(InstanceIds=[made, "i-00000000000000000"])
        self.assertEqual(self.describe(made)["State"]["Name"], "running")

    def test_a_terminated_instance_is_forgotten_after_a_while(self):
        lab.settings.update({"terminated_listed_seconds": 0})
        made = self.run_one()["InstanceId"]
        self.ec2.terminate_instances(InstanceIds=[made])
        self.ec2.describe_instances()
        self.assertEqual(self.ec2.describe_instances()["Reservations"], [])
        with self.refused("InvalidInstanceID.NotFound"):
            self.describe(made)

    def test_a_new_instance_is_not_known_everywhere_at_once(self):
        clock = self.stop_clock()
        lab.settings.update({"not_found_seconds": 5})
        made = self.run_one(ClientToken="one")["InstanceId"]
        with self.refused("InvalidInstanceID.NotFound", made):
            self.describe(made)
        by_token = [{"Name": "client-token", "Values": ["one"]}]
        self.assertEqual(self.ec2.describe_instances(Filters=by_token)["Reservations"], [])
        clock.advance(5)
        self.assertEqual(self.describe(made)["InstanceId"], made)

    def test_a_stopped_instance_has_no_public_address_and_starts_with_a_new_one(self):
        made = self.run_one()
        self.ec2.stop_instances(InstanceIds=[made["InstanceId"]])
        stopped = self.describe(made["InstanceId"])
        self.assertEqual(stopped["State"]["Name"], "stopped")
        self.assertNotIn("PublicIpAddress", stopped)
        self.ec2.start_instances(InstanceIds=[made["InstanceId"]])
        started = self.describe(made["InstanceId"])
        self.assertEqual(started["State"]["Name"], "running")
        self.assertNotEqual(started["PublicIpAddress"], made["PublicIpAddress"])

    def test_a_terminated_instance_cannot_be_started(self):
        made = self.run_one()["InstanceId"]
        self.ec2.terminate_instances(InstanceIds=[made])
        self.describe(made)
        with self.refused("IncorrectInstanceState"):
            self.ec2.start_instances(InstanceIds=[made])

    def test_no_address_is_given_twice(self):
        made = [self.run_one() for _ in range(3)]
        self.ec2.terminate_instances(InstanceIds=[one["InstanceId"] for one in made])
        addresses = {one["PublicIpAddress"] for one in (*made, self.run_one(), self.run_one("eu-west-1"))}
        self.assertEqual(len(addresses), 5)
        self.assertTrue(all(address.startswith("198.18.") for address in addresses))


class Filters(CloudTest):
    def test_an_unknown_filter_is_refused(self):
        with self.refused("InvalidParameterValue", "colour"):
            self.ec2.describe_instances(Filters=[{"Name": "colour", "Values": ["red"]}])
        with self.refused("InvalidParameterValue", "colour"):
            self.ec2.describe_security_groups(Filters=[{"Name": "colour", "Values": ["red"]}])
        with self.refused("InvalidParameterValue", "colour"):
            self.ec2.describe_volumes(Filters=[{"Name": "colour", "Values": ["red"]}])

    def test_tags_and_states_filter_with_wildcards(self):
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "dsline:line", "Value": "demo"}]}]
        made = self.run_one(TagSpecifications=tags)["InstanceId"]
        self.run_one()
        wanted = [
            {"Name": "tag:dsline:line", "Values": ["de*"]},
            {"Name": "instance-state-name", "Values": ["run?ing"]},
        ]
        found = self.ec2.describe_instances(Filters=wanted)["Reservations"]
        self.assertEqual([r["Instances"][0]["InstanceId"] for r in found], [made])

    def test_pages_hold_everything_once(self):
        made = {self.run_one()["InstanceId"] for _ in range(7)}
        pages = self.ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5})
        self.assertEqual({i["InstanceId"] for p in pages for r in p["Reservations"] for i in r["Instances"]}, made)
        with self.refused("InvalidParameterValue", "nextToken"):
            self.ec2.describe_instances(NextToken="nonsense")

    def test_a_malformed_id_is_refused_as_such(self):
        with self.refused("InvalidInstanceID.Malformed"):
            self.describe("i-nonsense")


class LaunchChecks(CloudTest):
    def test_user_data_over_16_kib_is_refused(self):
        self.run_one(UserData="x" * 16384)
        with self.refused("InvalidParameterValue", "16384"):
            self.run_one(UserData="x" * 16385)

    def test_max_count_is_honoured(self):
        wanted = {"ImageId": self.image(), "InstanceType": "t3.micro"}
        self.assertEqual(len(self.ec2.run_instances(MinCount=1, MaxCount=3, **wanted)["Instances"]), 3)
        with self.refused("InvalidParameterValue", "MinCount"):
            self.ec2.run_instances(MinCount=3, MaxCount=1, **wanted)

    def test_unknown_image_type_and_key_are_refused(self):
        with self.refused("InvalidAMIID.NotFound"):
            self.run_one(ImageId="ami-00000000000000000")
        with self.refused("InvalidAMIID.Malformed"):
            self.run_one(ImageId="debian")
        with self.refused("InvalidParameterValue", "t9.mega"):
            self.run_one(InstanceType="t9.mega")
        with self.refused("InvalidKeyPair.NotFound"):
            self.run_one(KeyName="nobody")
        with self.refused("InvalidGroup.NotFound"):
            self.run_one(SecurityGroupIds=["sg-00000000000000000"])

    def test_a_refused_launch_leaves_nothing(self):
        with self.refused("InvalidSubnetID.NotFound"):
            self.run_one(SubnetId="subnet-00000000000000000")
        self.assertEqual(self.ec2.describe_instances()["Reservations"], [])
        self.assertEqual(self.ec2.describe_volumes()["Volumes"], [])

    def test_an_image_of_another_region_does_not_exist(self):
        with self.refused("InvalidAMIID.NotFound"):
            self.run_one(ImageId=self.image(region="eu-west-1"))

    def test_the_architecture_must_match(self):
        with self.refused("InvalidParameterValue", "architecture"):
            self.run_one(ImageId=self.image("arm64"))
        self.run_one(ImageId=self.image("arm64"), InstanceType="t4g.micro")

    def test_the_free_plan_refuses_types_that_are_not_free(self):
        lab.settings.update({"free_plan": True})
        self.run_one()
        with self.refused("InvalidParameterCombination", "not eligible for Free Tier"):
            self.run_one(InstanceType="t3.large")

    def test_a_root_volume_smaller_than_the_image_is_refused(self):
        with self.refused("InvalidBlockDeviceMapping", "smaller"):
            self.run_one(BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 4}}])

    def test_credits_are_kept_and_can_change(self):
        def credits(*ids):
            shown = self.ec2.describe_instance_credit_specifications(InstanceIds=list(ids))
            return [one["CpuCredits"] for one in shown["InstanceCreditSpecifications"]]

        standard = self.run_one(CreditSpecification={"CpuCredits": "standard"})["InstanceId"]
        default = self.run_one()["InstanceId"]
        self.assertEqual(credits(standard), ["standard"])
        self.assertEqual(credits(default), ["unlimited"])
        wanted = [{"InstanceId": default, "CpuCredits": "standard"}]
        done = self.ec2.modify_instance_credit_specification(InstanceCreditSpecifications=wanted)
        self.assertEqual(done["SuccessfulInstanceCreditSpecifications"], [{"InstanceId": default}])
        self.assertEqual(credits(default), ["standard"])

    def test_user_data_comes_back(self):
        made = self.run_one(UserData="#cloud-config\n")["InstanceId"]
        shown = self.ec2.describe_instance_attribute(InstanceId=made, Attribute="userData")["UserData"]["Value"]
        self.assertEqual(base64.b64decode(shown), b"#cloud-config\n")

    def test_a_dry_run_makes_nothing(self):
        with self.refused("DryRunOperation"):
            self.run_one(DryRun=True)
        self.assertEqual(self.ec2.describe_instances()["Reservations"], [])


class Catalogue(CloudTest):
    def test_debian_images_differ_by_region_and_have_dates(self):
        self.assertNotEqual(self.image(), self.image(region="eu-west-1"))
        images = self.ec2.describe_images(Owners=["136693071363"])["Images"]
        self.assertGreater(len({image["CreationDate"] for image in images}), 3)
        self.assertEqual({image["RootDeviceName"] for image in images}, {"/dev/xvda"})
        self.assertEqual({image["OwnerId"] for image in images}, {"136693071363"})

    def test_ubuntu_is_there(self):
        wanted = [{"Name": "name", "Values": ["ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"]}]
        self.assertTrue(self.ec2.describe_images(Owners=["099720109477"], Filters=wanted)["Images"])
        self.assertEqual(self.ec2.describe_images(Owners=["111111111111"], Filters=wanted)["Images"], [])

    def test_free_types_are_found(self):
        wanted = [{"Name": "free-tier-eligible", "Values": ["true"]}]
        found = {one["InstanceType"] for one in self.ec2.describe_instance_types(Filters=wanted)["InstanceTypes"]}
        self.assertLessEqual({"t3.micro", "t3.small", "t4g.micro"}, found)
        self.assertNotIn("t3.large", found)

    def test_an_unknown_type_is_refused(self):
        with self.refused("InvalidInstanceType", "t9.mega"):
            self.ec2.describe_instance_types(InstanceTypes=["t9.mega"])

    def test_types_come_in_pages(self):
        first = self.ec2.describe_instance_types()
        self.assertEqual(len(first["InstanceTypes"]), 100)
        self.assertIn("NextToken", first)

    def test_offerings_filter_with_wildcards(self):
        wanted = [{"Name": "instance-type", "Values": ["t3.mi*"]}]
        found = self.ec2.describe_instance_type_offerings(Filters=wanted)["InstanceTypeOfferings"]
        self.assertEqual([one["InstanceType"] for one in found], ["t3.micro"])


class Regions(CloudTest):
    def test_regions_that_are_not_enabled_refuse_every_call(self):
        with self.refused("AuthFailure"):
            client("ec2", "ap-east-1").describe_instances()
        with self.refused("AuthFailure"):
            client("ec2", "mars-north-1").describe_instances()

    def test_only_enabled_regions_are_listed_unless_asked(self):
        enabled = {one["RegionName"] for one in self.ec2.describe_regions()["Regions"]}
        everything = self.ec2.describe_regions(AllRegions=True)["Regions"]
        status = {one["RegionName"]: one["OptInStatus"] for one in everything}
        self.assertEqual(len(enabled), 17)
        self.assertEqual(status["ap-east-1"], "not-opted-in")
        self.assertEqual(status["eu-west-1"], "opt-in-not-required")
        with self.refused("InvalidParameterValue", "mars-north-1"):
            self.ec2.describe_regions(RegionNames=["mars-north-1"])

    def test_an_action_that_does_not_exist_is_refused_in_xml(self):
        with self.refused("InvalidAction", "DescribeIpamPools"):
            self.ec2.describe_ipam_pools()
