"""Security groups and tags."""

from cloud.lab import lab
from cloud.tests.support import CloudTest

_SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "198.51.100.7/32"}]}
_WEB = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


class Groups(CloudTest):
    def group(self, name="web", **more):
        return self.ec2.create_security_group(GroupName=name, Description="for tests", **more)["GroupId"]

    def test_a_group_in_use_cannot_be_deleted(self):
        lab.settings.update({"shutting_down_seconds": 60})
        group = self.group()
        made = self.run_one(SecurityGroupIds=[group])["InstanceId"]
        with self.refused("DependencyViolation", group):
            self.ec2.delete_security_group(GroupId=group)
        self.ec2.terminate_instances(InstanceIds=[made])
        with self.refused("DependencyViolation", group):
            self.ec2.delete_security_group(GroupId=group)

    def test_a_group_of_a_terminated_instance_can_be_deleted(self):
        group = self.group()
        made = self.run_one(SecurityGroupIds=[group])["InstanceId"]
        self.ec2.terminate_instances(InstanceIds=[made])
        self.ec2.delete_security_group(GroupId=group)
        with self.refused("InvalidGroup.NotFound"):
            self.ec2.delete_security_group(GroupId=group)

    def test_a_group_named_by_another_cannot_be_deleted(self):
        group, other = self.group("one"), self.group("two")
        allow = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": group}]}
        self.ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[allow])
        with self.refused("DependencyViolation"):
            self.ec2.delete_security_group(GroupId=group)

    def test_the_default_group_cannot_be_deleted(self):
        default = self.ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]["GroupId"]
        with self.refused("CannotDelete", "default"):
            self.ec2.delete_security_group(GroupId=default)

    def test_bad_names_and_descriptions_are_refused(self):
        for name, description in (("sg-web", "x"), ("web", "Straße"), ("wéb", "x"), ("web", "a\tb"), ("x" * 256, "x")):
            with self.refused("InvalidParameterValue"):
                self.ec2.create_security_group(GroupName=name, Description=description)
        with self.refused("InvalidVpcID.NotFound"):
            self.group(VpcId="vpc-00000000000000000")

    def test_a_name_is_taken_once(self):
        self.group()
        with self.refused("InvalidGroup.Duplicate"):
            self.group()

    def test_a_rule_is_there_once_and_a_call_is_all_or_nothing(self):
        group = self.group()
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[_SSH])
        with self.refused("InvalidPermission.Duplicate"):
            self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[_WEB, _SSH])
        rules = self.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
        self.assertEqual([rule["FromPort"] for rule in rules], [22])

    def test_a_rule_that_is_not_there_cannot_be_revoked(self):
        group = self.group()
        with self.refused("InvalidPermission.NotFound"):
            self.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[_SSH])

    def test_tags_are_made_with_the_group(self):
        tags = [{"ResourceType": "security-group", "Tags": [{"Key": "dsline:line", "Value": "demo"}]}]
        group = self.group(TagSpecifications=tags)
        wanted = [{"Name": "tag:dsline:line", "Values": ["demo"]}]
        found = self.ec2.describe_security_groups(Filters=wanted)["SecurityGroups"]
        self.assertEqual([one["GroupId"] for one in found], [group])


class Tags(CloudTest):
    def test_duplicate_reserved_and_long_keys_are_refused(self):
        pair = {"Key": "a", "Value": "b"}
        for tags in ([pair, pair], [{"Key": "aws:a", "Value": "b"}], [{"Key": "x" * 129, "Value": ""}]):
            with self.refused("InvalidParameterValue"):
                self.run_one(TagSpecifications=[{"ResourceType": "instance", "Tags": tags}])
            made = self.run_one()["InstanceId"]
            with self.refused("InvalidParameterValue"):
                self.ec2.create_tags(Resources=[made], Tags=tags)

    def test_tags_need_a_resource_that_exists(self):
        with self.refused("InvalidInstanceID.NotFound"):
            self.ec2.create_tags(Resources=["i-00000000000000000"], Tags=[{"Key": "a", "Value": "b"}])

    def test_a_resource_type_that_cannot_be_tagged_is_refused(self):
        with self.refused("InvalidParameterValue", "subnet"):
            self.run_one(TagSpecifications=[{"ResourceType": "subnet", "Tags": [{"Key": "a", "Value": "b"}]}])

    def test_instance_volume_and_interface_get_their_tags(self):
        tags = [{"Key": "a", "Value": "b"}]
        kinds = ("instance", "volume", "network-interface")
        self.run_one(TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in kinds])
        wanted = [{"Name": "tag:a", "Values": ["b"]}]
        self.assertEqual(len(self.ec2.describe_volumes(Filters=wanted)["Volumes"]), 1)
        self.assertEqual(len(self.ec2.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"]), 1)
        self.assertEqual(len(self.ec2.describe_instances(Filters=wanted)["Reservations"]), 1)

    def test_a_key_that_is_none_is_refused(self):
        with self.refused("InvalidKey.Format"):
            self.ec2.import_key_pair(KeyName="one", PublicKeyMaterial=b"nonsense")
