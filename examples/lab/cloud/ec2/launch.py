"""RunInstances, and what happens to instances afterwards."""

from moto.core.responses import ActionResult, EmptyResult

from cloud.ec2 import lifecycle, tokens
from cloud.ec2.instance import CODES
from cloud.ec2.room import check_room
from cloud.ec2.validation import check_launch, credits_of
from cloud.refusals import Refused


class Launch:
    """The operations that change instances, mixed into the EC2 responses."""

    def run_instances(self):
        """RunInstances: checked, idempotent by client token, as many as MaxCount says."""
        backend, token = self.ec2_backend, self.params.get("ClientToken")
        mark, scope = tokens.fingerprint(self.params), self._zone_named()
        if token and not self.params.get("DryRun"):
            earlier = tokens.recall(backend, token, scope, mark)
            if earlier is not None:
                return ActionResult(earlier)
        image = check_launch(self.params, backend)
        credits = credits_of(self.params)
        # A token belongs to its first call's parameters even when that call found no room.
        if token and not self.params.get("DryRun"):
            tokens.remember(backend, token, scope, mark, None)
        check_room(self.params, backend, scope)
        # moto makes MinCount of them; the lab has room for all.
        self.params["MinCount"] = self.params["MaxCount"]
        self.params["BlockDeviceMappings"] = _volumes(self.params.get("BlockDeviceMappings") or [], image)
        before = set(backend.reservations)
        try:
            reservation = super().run_instances().result
        except Exception as error:
            # moto enters the reservation before it looks at the subnet.
            for reservation_id in set(backend.reservations) - before:
                if not backend.reservations[reservation_id].instances:
                    del backend.reservations[reservation_id]
            if getattr(error, "code", None) == "NoSuchEntity":
                raise Refused("InvalidParameterValue", "Invalid IAM Instance Profile name") from error
            raise
        nic_tags = self._parse_tag_specification().get("network-interface", {})
        for instance in reservation.instances:
            instance.client_token = token or ""
            for nic in instance.nics.values():
                nic.add_tags(nic_tags)
                nic.delete_on_termination = True
            # Without a group of its own an instance is in the VPC's default group.
            instance.security_groups = instance.security_groups or list(instance.nics[0].group_set)
            lifecycle.begin(instance, credits)
        if token:
            tokens.remember(backend, token, scope, mark, reservation)
        return ActionResult(reservation)

    def terminate_instances(self):
        """TerminateInstances: all of them or, when one is unknown or protected, none."""
        instances = self._named_instances()
        protected = [instance.id for instance in instances if instance.disable_api_termination is True]
        if protected:
            raise Refused(
                "OperationNotPermitted",
                f"The instance '{protected[0]}' may not be terminated. Modify its 'disableApiTermination' instance "
                "attribute and try again.",
            )
        return self._moved("TerminatingInstances", instances, lifecycle.terminate)

    def stop_instances(self):
        """StopInstances."""
        return self._moved("StoppingInstances", self._named_instances(), lifecycle.stop)

    def start_instances(self):
        """StartInstances."""
        return self._moved("StartingInstances", self._named_instances(), lifecycle.start)

    def reboot_instances(self):
        """RebootInstances."""
        for instance in self._named_instances():
            lifecycle.reboot(instance)
        return EmptyResult()

    def _moved(self, field, instances, move):
        before = {instance.id: instance.state for instance in instances}
        for instance in instances:
            move(instance)
        changes = [
            {
                "InstanceId": instance.id,
                "CurrentState": {"Code": CODES[instance.state], "Name": instance.state},
                "PreviousState": {"Code": CODES[before[instance.id]], "Name": before[instance.id]},
            }
            for instance in instances
        ]
        return ActionResult({field: changes})

    def _named_instances(self):
        ids = list(dict.fromkeys(self._get_param("InstanceIds", [])))
        if not ids:
            raise Refused("MissingParameter", "The request must contain the parameter InstanceId")
        instances = self.ec2_backend.get_multi_instances_by_id(ids)
        self.error_on_dryrun()
        return instances

    def _zone_named(self):
        zone = (self.params.get("Placement") or {}).get("AvailabilityZone")
        subnet_id = self.params.get("SubnetId")
        return self.ec2_backend.get_subnet(subnet_id).availability_zone if subnet_id and not zone else zone


def _volumes(mappings, image):
    """The call's volumes over those of the image; a volume of the image dies with its instance unless told not to."""
    root = {"VolumeSize": image.size_gib, "VolumeType": "gp3", "DeleteOnTermination": True}
    merged = {image.root_device_name: root}
    for mapping in mappings:
        given = {name: value for name, value in (mapping.get("Ebs") or {}).items() if value is not None}
        merged[mapping["DeviceName"]] = {"DeleteOnTermination": True} | merged.get(mapping["DeviceName"], {}) | given
    return [{"DeviceName": device, "Ebs": ebs} for device, ebs in merged.items()]
