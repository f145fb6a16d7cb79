"""DescribeInstances and its neighbours: unknown ids, paging, credits, types and regions."""

import re

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidInstanceIdError
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS

from cloud import regions
from cloud.ec2 import filters
from cloud.ec2.validation import checked_credits
from cloud.refusals import Refused

_INSTANCE_ID = re.compile(r"^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$")


class Describe:
    """The read operations, mixed into the EC2 responses."""

    def describe_instances(self):
        """DescribeInstances: by id (all or an error), or by filter in pages."""
        self.error_on_dryrun()
        ids, size = self._get_param("InstanceIds", []), self._get_param("MaxResults")
        if ids and size:
            message = "The parameter instancesSet cannot be used with the parameter maxResults"
            raise Refused("InvalidParameterCombination", message)
        wanted = self._filters_from_querystring()
        filters.check("DescribeInstances", wanted)
        known = self.ec2_backend.all_reservations()
        missing = set(ids) - {instance.id for reservation in known for instance in reservation.instances}
        if missing:
            raise InvalidInstanceIdError([one for one in ids if one in missing])
        found = self.ec2_backend.all_reservations(wanted | ({"instance-id": ids} if ids else {}))
        page, following = self._page(found, lambda reservation: reservation.id, 5, 1000)
        return ActionResult({"Reservations": page, "NextToken": following})

    def describe_instance_credit_specifications(self):
        """DescribeInstanceCreditSpecifications: burstable instances only."""
        instances = self.ec2_backend.get_multi_instances_by_id(self._get_param("InstanceIds", []))
        instances = instances or self.ec2_backend.all_instances()
        shown = [
            {"InstanceId": instance.id, "CpuCredits": instance.life.credits}
            for instance in instances
            if instance.life and instance.life.credits and not instance.gone
        ]
        return ActionResult({"InstanceCreditSpecifications": shown})

    def modify_instance_credit_specification(self):
        """ModifyInstanceCreditSpecification: each instance succeeds or fails by itself."""
        done, failed = [], []
        for wanted in self._get_param("InstanceCreditSpecifications", []):
            instance_id = wanted["InstanceId"]
            try:
                instance = self.ec2_backend.get_multi_instances_by_id([instance_id])[0]
                instance.life.credits = checked_credits(instance.instance_type, wanted.get("CpuCredits"))
                done.append({"InstanceId": instance_id})
            except (Refused, InvalidInstanceIdError) as error:
                failed.append({"InstanceId": instance_id, "Error": {"Code": error.code, "Message": error.message}})
        return ActionResult(
            {"SuccessfulInstanceCreditSpecifications": done, "UnsuccessfulInstanceCreditSpecifications": failed}
        )

    def describe_instance_types(self):
        """DescribeInstanceTypes: those the region offers, a hundred at a time."""
        names = self._get_param("InstanceTypes", [])
        offered = {offer["InstanceType"] for offer in INSTANCE_TYPE_OFFERINGS["region"][self.region]}
        unknown = [name for name in names if name not in offered]
        if unknown:
            listed = ", ".join(unknown)
            raise Refused("InvalidInstanceType", f"The following supplied instance types do not exist: [{listed}]")
        found = self.ec2_backend.describe_instance_types(names, self._filters_from_querystring())
        found = sorted((one for one in found if one.name in offered), key=lambda one: one.name)
        page, following = self._page(found, lambda one: one.name, 5, 100)
        return ActionResult({"InstanceTypes": page, "NextToken": following})

    def describe_instance_type_offerings(self):
        """DescribeInstanceTypeOfferings, with wildcards in the filters."""
        kind = self._get_param("LocationType") or "region"
        wanted = self._filters_from_querystring()
        filters.check("DescribeInstanceTypeOfferings", wanted)
        fields = {"instance-type": "InstanceType", "location": "Location"}
        found = [
            offer
            for offer in INSTANCE_TYPE_OFFERINGS.get(kind, {}).get(self.region, [])
            if all(filters.like(offer[fields[name]], values) for name, values in wanted.items())
        ]
        page, following = self._page(found, lambda offer: f"{offer['InstanceType']}/{offer['Location']}", 5, 1000)
        return ActionResult({"InstanceTypeOfferings": page, "NextToken": following})

    def describe_regions(self):
        """DescribeRegions: the enabled ones, or all of the partition when asked for."""
        names, everything = self._get_param("RegionNames", []), self._get_bool_param("AllRegions", False)
        known = [region.name for region in RegionsAndZonesBackend.regions if region.endpoint.endswith(".com")]
        known = sorted(name for name in known if not name.startswith("us-gov-"))
        unknown = [name for name in names if name not in known]
        if unknown:
            raise Refused("InvalidParameterValue", f"Invalid region name(s): [{', '.join(unknown)}]")
        shown = [_region(name) for name in known if everything or name in regions.ENABLED or name in names]
        wanted = self._filters_from_querystring()
        fields = {"opt-in-status": "OptInStatus", "region-name": "RegionName", "endpoint": "Endpoint"}
        for name in wanted:
            if name not in fields:
                raise Refused("InvalidParameterValue", f"The filter '{name}' is invalid")
        passing = [
            region
            for region in shown
            if (not names or region["RegionName"] in names)
            and all(filters.like(region[fields[name]], values) for name, values in wanted.items())
        ]
        return ActionResult({"Regions": passing})

    def _page(self, found, name_of, least, most):
        size = int(self._get_param("MaxResults") or most)
        if not least <= size <= 1000:
            message = f"Value ( {size} ) for parameter maxResults is invalid."
            raise Refused("InvalidParameterValue", f"{message} Expecting a value between {least} and 1000.")
        start, token = 0, self._get_param("NextToken")
        if token:
            start = next((index + 1 for index, one in enumerate(found) if name_of(one) == token), None)
            if start is None:
                raise Refused("InvalidParameterValue", f"Value ({token}) for parameter nextToken is invalid.")
        page = found[start : start + size]
        return page, name_of(page[-1]) if len(found) > start + size else None


def check_ids(parameters):
    """Refuses instance ids that cannot be ones."""
    ids = list(parameters.get("InstanceIds") or [])
    ids += [parameters["InstanceId"]] if isinstance(parameters.get("InstanceId"), str) else []
    for one in ids:
        if not _INSTANCE_ID.match(one):
            raise Refused("InvalidInstanceID.Malformed", f'Invalid id: "{one}"')


def _region(name):
    status = "opt-in-not-required" if name in regions.ENABLED else "not-opted-in"
    return {"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": status}
