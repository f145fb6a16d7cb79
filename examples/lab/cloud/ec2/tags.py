"""What AWS refuses about tags, wherever a call brings them."""

from cloud.refusals import Refused


def check_tags(parameters):
    """Refuses duplicate keys, reserved keys and texts that are too long, in tag specifications and plain tags."""
    specifications = parameters.get("TagSpecifications") or parameters.get("TagSpecification") or []
    for specification in specifications:
        _check(specification.get("Tags") or [])
    kinds = [specification.get("ResourceType") for specification in specifications]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise _invalid(f"Found duplicate resource type in tag specifications: {kind}")
    tags = parameters.get("Tags")
    if isinstance(tags, list):
        _check(tags)


def check_resources(ids, backend):
    """Refuses tags for instances and groups that do not exist; moto would keep them."""
    for one in ids:
        if one.startswith("i-"):
            backend.get_multi_instances_by_id([one])
        if one.startswith("sg-") and backend.get_security_group_from_id(one) is None:
            raise Refused("InvalidGroup.NotFound", f"The security group '{one}' does not exist")


def _check(tags):
    seen = set()
    for tag in tags:
        key, value = tag.get("Key") or "", tag.get("Value") or ""
        if not key:
            raise Refused("MissingParameter", "The request must contain the parameter Tag.Key")
        if key in seen:
            raise _invalid(f"Duplicate tag key '{key}' specified.")
        if key.lower().startswith("aws:"):
            raise _invalid("Tag keys starting with 'aws:' are reserved for internal use")
        if len(key) > 128 or len(value) > 256:
            raise _invalid(f"Tag '{key}' exceeds the maximum length: 128 characters for a key, 256 for a value")
        seen.add(key)
    if len(tags) > 50:
        raise Refused("TagLimitExceeded", "The maximum number of tags for a resource has been reached.")


def _invalid(message):
    return Refused("InvalidParameterValue", message)
