"""DescribeInstances' filters: all that are worth having, with wildcards; others are refused as on AWS."""

import fnmatch
import functools
import re

from cloud.refusals import Refused

_VALUES = {
    "architecture": lambda i: [i.architecture],
    "availability-zone": lambda i: [i.availability_zone],
    "client-token": lambda i: [i.client_token],
    "dns-name": lambda i: [i.public_dns_name],
    "group-id": lambda i: [group.id for group in i.security_groups],
    "group-name": lambda i: [group.name for group in i.security_groups],
    "image-id": lambda i: [i.image_id],
    "instance-id": lambda i: [i.id],
    "instance-lifecycle": lambda i: [i.lifecycle],
    "instance-state-code": lambda i: [str(i.state_code)],
    "instance-state-name": lambda i: [i.state],
    "instance-type": lambda i: [i.instance_type],
    "instance.group-id": lambda i: [group.id for group in i.security_groups],
    "instance.group-name": lambda i: [group.name for group in i.security_groups],
    "ip-address": lambda i: [i.public_ip],
    "key-name": lambda i: [i.key_name],
    "launch-time": lambda i: [f"{i.launch_time:%Y-%m-%dT%H:%M:%S.000Z}"],
    "metadata-options.http-tokens": lambda i: [i.metadata_options.http_tokens],
    "network-interface.network-interface-id": lambda i: [nic.id for nic in i.network_interfaces],
    "owner-id": lambda i: [i.owner_id],
    "private-dns-name": lambda i: [i.private_dns_name],
    "private-ip-address": lambda i: [i.private_ip],
    "root-device-name": lambda i: [i.root_device_name],
    "root-device-type": lambda i: [i.root_device_type],
    "state-reason-code": lambda i: [i.state_reason.code],
    "subnet-id": lambda i: [i.subnet_id],
    "tag-key": lambda i: [tag["key"] for tag in i.get_tags()],
    "tag-value": lambda i: [tag["value"] for tag in i.get_tags()],
    "virtualization-type": lambda i: [i.virtualization_type],
    "vpc-id": lambda i: [i.vpc_id],
}

_TAGS = r"|tag-key|tag-value|tag:.+"
# moto looks at a filter's name only when there is something to filter; AWS always does.
_OTHERS = {
    "DescribeSecurityGroups": r"description|(egress\.)?ip-permission\.(cidr|from-port|group-id|group-name|ipv6-cidr|"
    r"prefix-list-id|protocol|to-port|user-id)|group-id|group-name|owner-id|vpc-id" + _TAGS,
    "DescribeVolumes": r"attachment\.(attach-time|delete-on-termination|device|instance-id|status)|availability-zone|"
    r"create-time|encrypted|size|snapshot-id|status|volume-id|volume-type" + _TAGS,
    "DescribeKeyPairs": r"key-pair-id|fingerprint|key-name" + _TAGS,
    "DescribeImages": r"architecture|block-device-mapping\.volume-type|creation-date|description|ena-support|"
    r"free-tier-eligible|hypervisor|image-id|image-type|is-public|name|owner-alias|owner-id|platform|product-code|"
    r"root-device-name|root-device-type|source-instance-id|state|virtualization-type" + _TAGS,
    "DescribeVpcs": r"cidr|cidr-block-association\.\S+|dhcp-options-id|ipv6-cidr-block-association\.\S+|is-default|"
    r"owner-id|state|vpc-id" + _TAGS,
    "DescribeSubnets": r"availability-zone|availability-zone-id|cidr|cidr-block|default-for-az|map-public-ip-on-launch|"
    r"owner-id|state|subnet-id|vpc-id" + _TAGS,
    "DescribeInstanceTypeOfferings": r"instance-type|location",
}
_KNOWN = {operation: re.compile(f"(?:{names})$") for operation, names in _OTHERS.items()}


def matches(instance, filters):
    """Whether an instance passes all filters ({name: values})."""
    return all(_passes(_values(instance, name), wanted) for name, wanted in filters.items())


def check(operation, filters):
    """Refuses filters that the operation does not have, before anything else happens."""
    for name in filters:
        if operation == "DescribeInstances":
            known = name in _VALUES or name.startswith("tag:")
        else:
            known = operation not in _KNOWN or _KNOWN[operation].match(name)
        if not known:
            raise Refused("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not filters[name] and operation == "DescribeInstances":
            raise Refused("InvalidParameterValue", f"The filter '{name}' has no values")


def like(value, patterns):
    """Whether a value matches one of the patterns, in which * and ? are wild unless escaped."""
    return any(value == pattern or _pattern(pattern).match(value) for pattern in patterns)


def _values(instance, name):
    if name.startswith("tag:"):
        return [tag["value"] for tag in instance.get_tags() if tag["key"] == name[4:]]
    return _VALUES[name](instance)


def _passes(values, wanted):
    return any(value is not None and like(value, wanted) for value in values)


@functools.lru_cache(4096)
def _pattern(pattern):
    escaped = pattern.replace("[", "[[]").replace("\\*", "[*]").replace("\\?", "[?]")
    return re.compile(fnmatch.translate(escaped))
