"""Tags of hosted zones and health checks, with Route 53's limits."""

import re

from moto.core.responses import ActionResult, EmptyResult

from cloud.lab import lab
from cloud.refusals import Refused

_ALLOWED = re.compile(r"^[\w .:/=+\-@]*$")


class Tags:
    """The tag operations, mixed into the Route 53 responses."""

    def change_tags_for_resource(self):
        """ChangeTagsForResource: all or nothing, at most ten tags at a time and fifty in all."""
        kind, resource_id = self._resource(self._get_param("ResourceId"))
        added = self._get_param("AddTags") or []
        removed = self._get_param("RemoveTagKeys") or []
        if not added and not removed:
            raise _invalid("At least one of AddTags and RemoveTagKeys must be given")
        if len(added) > 10 or len(removed) > 10:
            raise _invalid("At most 10 tags may be added and 10 removed in one call")
        keys = [tag["Key"] for tag in added]
        for tag in added:
            _check(tag["Key"], tag.get("Value") or "")
        if len(set(keys)) < len(keys):
            raise _invalid("Duplicate tag key")
        with lab.lock("route53"):
            tags = {key: value for key, value in self._tags_of(resource_id).items() if key not in removed}
            tags |= {tag["Key"]: tag.get("Value") or "" for tag in added}
            if len(tags) > 50:
                raise _invalid(f"The {kind} {resource_id} would have more than 50 tags")
            self.backend.resource_tags[resource_id] = tags
        return EmptyResult()

    def list_tags_for_resource(self):
        """ListTagsForResource."""
        return ActionResult({"ResourceTagSet": self._tag_set(self._get_param("ResourceId"))})

    def list_tags_for_resources(self):
        """ListTagsForResources: at most ten resources."""
        ids = self._get_param("ResourceIds") or []
        if not 1 <= len(ids) <= 10:
            raise _too_long(ids, "resourceIds", 10)
        return ActionResult({"ResourceTagSets": [self._tag_set(resource_id) for resource_id in ids]})

    def _tag_set(self, resource_id):
        kind, resource_id = self._resource(resource_id)
        tags = [{"Key": key, "Value": value} for key, value in sorted(self._tags_of(resource_id).items())]
        return {"ResourceType": kind, "ResourceId": resource_id, "Tags": tags}

    def _tags_of(self, resource_id):
        return self.backend.resource_tags.get(resource_id, {})

    def _resource(self, resource_id):
        kind = self._get_param("ResourceType")
        if kind == "hostedzone":
            if len(resource_id) > 32:
                raise _too_long(resource_id, "resourceId", 32)
            if resource_id not in self.backend.zones:
                raise Refused("NoSuchHostedZone", f"No hosted zone found with ID: {resource_id}")
        elif kind == "healthcheck":
            if resource_id not in self.backend.health_checks:
                raise Refused("NoSuchHealthCheck", f"A health check with id {resource_id} does not exist.")
        else:
            raise _invalid(f"ResourceType must be hostedzone or healthcheck, not '{kind}'")
        return kind, resource_id


def _check(key, value):
    if not 1 <= len(key) <= 128 or len(value) > 256:
        raise _invalid(f"The tag '{key}' is too long: 128 characters for a key, 256 for a value")
    if key.lower().startswith("aws:"):
        raise _invalid(f"The tag key '{key}' is reserved: it begins with aws:")
    for text in (key, value):
        if not _ALLOWED.match(text):
            raise _invalid(f"The tag '{key}' has characters other than letters, digits, spaces and _ . : / = + - @")


def _too_long(value, field, most):
    return _invalid(
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must have "
        f"length less than or equal to {most}"
    )


def _invalid(message):
    return Refused("InvalidInput", message)
