"""Security groups: what may be made, and what may not be deleted yet."""

import re

from moto.core.responses import EmptyResult

from cloud.lab import lab
from cloud.refusals import Refused

_TEXT = re.compile(r"^[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*$")


class Groups:
    """The security-group operations that moto is lax about, mixed into the EC2 responses."""

    def create_security_group(self):
        """CreateSecurityGroup: names and descriptions within AWS's limits, in a VPC that exists."""
        name, description = self._get_param("GroupName") or "", self._get_param("Description")
        if not description:
            raise Refused("MissingParameter", "The request must contain the parameter GroupDescription")
        if name.startswith("sg-"):
            raise _invalid("GroupName", name, "Group names may not be in the format sg-*.")
        if name.lower() == "default":
            raise Refused("InvalidParameterValue", f"Cannot use reserved security group name: {name}")
        for field, text in (("GroupName", name), ("GroupDescription", description)):
            if not text.isascii():
                raise _invalid(field, text, "Character sets beyond ASCII are not supported.")
            if len(text) > 255 or not _TEXT.match(text) or not text:
                allowed = "a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{}!$*"
                raise _invalid(field, text, f"Up to 255 of the characters {allowed} are allowed.")
        vpc_id = self._get_param("VpcId")
        if vpc_id and vpc_id not in self.ec2_backend.vpcs:
            raise Refused("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")
        if not vpc_id and self.ec2_backend.get_default_vpc() is None:
            raise Refused("VPCIdNotSpecified", "No default VPC for this user")
        if len(self.ec2_backend.describe_security_groups()) >= lab.settings.group_quota:
            raise Refused(
                "SecurityGroupLimitExceeded",
                "You have reached the limit on the number of security groups that you can create for the region.",
            )
        return super().create_security_group()

    def delete_security_group(self):
        """DeleteSecurityGroup: not the default one, and not while anything uses it."""
        backend, wanted = self.ec2_backend, self._get_param("GroupId") or self._get_param("GroupName")
        if not wanted:
            raise Refused("MissingParameter", "The request must contain the parameter GroupName or GroupId")
        group = backend.get_security_group_by_name_or_id(wanted)
        if group is None:
            raise Refused("InvalidGroup.NotFound", f"The security group '{wanted}' does not exist")
        if group.name == "default":
            message = f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
            raise Refused("CannotDelete", message)
        if _in_use(group, backend):
            raise Refused("DependencyViolation", f"resource {group.id} has a dependent object")
        self.error_on_dryrun()
        backend.delete_security_group(group_id=group.id)
        backend.tags.pop(group.id, None)
        return EmptyResult()

    def authorize_security_group_ingress(self):
        """AuthorizeSecurityGroupIngress: all rules of the call or none."""
        return self._all_or_nothing("ingress_rules", super().authorize_security_group_ingress)

    def authorize_security_group_egress(self):
        """AuthorizeSecurityGroupEgress: all rules of the call or none."""
        return self._all_or_nothing("egress_rules", super().authorize_security_group_egress)

    def revoke_security_group_ingress(self):
        """RevokeSecurityGroupIngress: all rules of the call or none."""
        return self._all_or_nothing("ingress_rules", super().revoke_security_group_ingress)

    def _all_or_nothing(self, field, work):
        wanted = self._get_param("GroupId") or self._get_param("GroupName") or ""
        group = self.ec2_backend.get_security_group_by_name_or_id(wanted)
        if group is None:
            raise Refused("InvalidGroup.NotFound", f"The security group '{wanted}' does not exist")
        for permission in self._get_param("IpPermissions", []):
            _check_permission(permission)
        before = list(getattr(group, field))
        try:
            return work()
        except Exception:
            setattr(group, field, before)
            raise


def _in_use(group, backend):
    for reservation in list(backend.reservations.values()):
        for instance in reservation.instances:
            if instance.gone:
                continue
            groups = list(instance.security_groups)
            groups += [one for nic in instance.nics.values() for one in nic.group_set]
            if any(one.id == group.id for one in groups):
                return True
    if any(one.id == group.id for nic in list(backend.enis.values()) for one in nic.group_set):
        return True
    others = [other for groups in backend.groups.values() for other in groups.values() if other.id != group.id]
    return any(
        (rule.source_group or {}).get("GroupId") == group.id
        for other in others
        for rule in (*other.ingress_rules, *other.egress_rules)
    )


def _check_permission(permission):
    for span in (*(permission.get("IpRanges") or []), *(permission.get("Ipv6Ranges") or [])):
        text = span.get("Description") or ""
        if len(text) > 255 or not _TEXT.match(text):
            raise Refused(
                "InvalidParameterValue",
                "Invalid rule description. Valid descriptions are strings less than 256 characters from the following "
                "set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
            )
    start, end = permission.get("FromPort"), permission.get("ToPort")
    if permission.get("IpProtocol") in ("tcp", "udp") and (start is None or end is None or int(start) > int(end)):
        raise Refused("InvalidParameterValue", f"Invalid value for portRange: {start}-{end}.")


def _invalid(field, text, reason):
    return Refused("InvalidParameterValue", f"Value ({text}) for parameter {field} is invalid. {reason}")
