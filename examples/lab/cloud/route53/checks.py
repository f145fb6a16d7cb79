"""Health checks as Route 53's API shows them: caller references, versions, paging, status."""

import uuid

from moto.core.responses import ActionResult, EmptyResult

from cloud import hooks
from cloud.lab import lab
from cloud.refusals import Refused
from cloud.route53.check_rules import completed

_UPDATABLE = (
    "IPAddress", "Port", "ResourcePath", "FullyQualifiedDomainName", "SearchString", "FailureThreshold", "Inverted",
    "Disabled", "HealthThreshold", "ChildHealthChecks", "EnableSNI", "Regions", "AlarmIdentifier",
    "InsufficientDataHealthStatus",
)  # fmt: skip
# AWS keeps the reference of a deleted check for days, longer than any lab lives.
taken_references = {}


class Checks:
    """The health-check operations, mixed into the Route 53 responses."""

    def create_health_check(self):
        """CreateHealthCheck: a caller reference stands for one check with one set of settings, for ever."""
        reference, given = self._get_param("CallerReference"), dict(self._get_param("HealthCheckConfig"))
        if not 1 <= len(reference) <= 64:
            raise Refused("InvalidInput", "CallerReference must have 1 to 64 characters")
        checks = self.backend.health_checks
        with lab.lock("route53"):
            config = completed(given, checks)
            known = taken_references.get(reference)
            if known:
                return _created(_repeated(checks.get(known), config, reference))
            if len(checks) >= lab.settings.check_quota:
                raise Refused(
                    "TooManyHealthChecks",
                    "This health check can't be created because the current account has reached the limit on the number of "
                    "active health checks.",
                )
            check = {
                "Id": str(uuid.uuid4()),
                "CallerReference": reference,
                "HealthCheckConfig": config,
                "HealthCheckVersion": 1,
            }
            checks[check["Id"]] = check
            taken_references[reference] = check["Id"]
        return _created(check)

    def update_health_check(self):
        """UpdateHealthCheck: keeps what is not mentioned, refuses what cannot change."""
        with lab.lock("route53"):
            check = self._check()
            version = self._get_param("HealthCheckVersion")
            if version is not None and int(version) != check["HealthCheckVersion"]:
                raise Refused(
                    "HealthCheckVersionMismatch",
                    f"The health check has version {check['HealthCheckVersion']}, not {version}.",
                )
            changed = {name: self._get_param(name) for name in _UPDATABLE if self._get_param(name) is not None}
            config = dict(check["HealthCheckConfig"])
            _check_fixed(config, changed)
            config |= changed
            for name in self._get_param("ResetElements") or []:
                config.pop(name, None)
            config = completed(config, self.backend.health_checks)
            # A new dict: whoever holds a snapshot keeps a consistent one.
            check = check | {"HealthCheckConfig": config, "HealthCheckVersion": check["HealthCheckVersion"] + 1}
            self.backend.health_checks[check["Id"]] = check
        return ActionResult({"HealthCheck": check})

    def delete_health_check(self):
        """DeleteHealthCheck: allowed even while records use it, as on AWS."""
        with lab.lock("route53"):
            del self.backend.health_checks[self._check()["Id"]]
        return EmptyResult()

    def get_health_check(self):
        """GetHealthCheck."""
        return ActionResult({"HealthCheck": self._check()})

    def get_health_check_count(self):
        """GetHealthCheckCount."""
        return ActionResult({"HealthCheckCount": len(self.backend.health_checks)})

    def get_account_limit(self):
        """GetAccountLimit: the one limit that the lab enforces, with how much of it is used."""
        kind = self._get_param("Type")
        if kind != "MAX_HEALTH_CHECKS_BY_OWNER":
            raise Refused("InvalidInput", f"The lab has no limit of the type {kind}.")
        limit = {"Type": kind, "Value": lab.settings.check_quota}
        return ActionResult({"Limit": limit, "Count": len(self.backend.health_checks)})

    def list_health_checks(self):
        """ListHealthChecks, paged by the id."""
        checks = [check for _, check in sorted(self.backend.health_checks.items())]
        marker, size = self._get_param("Marker"), self._page_size(100)
        page = [check for check in checks if not marker or check["Id"] >= marker]
        following = page[size]["Id"] if len(page) > size else None
        return ActionResult(
            {
                "HealthChecks": page[:size],
                "Marker": marker or "",
                "IsTruncated": following is not None,
                "NextMarker": following,
                "MaxItems": size,
            }
        )

    def get_health_check_status(self):
        """GetHealthCheckStatus: what the lab's own probers see."""
        return ActionResult({"HealthCheckObservations": hooks.health_status(self._endpoint_check()["Id"])})

    def get_health_check_last_failure_reason(self):
        """GetHealthCheckLastFailureReason: those observations that are failures."""
        seen = hooks.health_status(self._endpoint_check()["Id"])
        failures = [one for one in seen if not one["StatusReport"]["Status"].startswith("Success")]
        return ActionResult({"HealthCheckObservations": failures})

    def test_dns_answer(self):
        """TestDNSAnswer: what the lab's own evaluator answers."""
        zone = self._zone()
        answer = hooks.test_dns_answer(
            zone.resource_id,
            self._get_param("RecordName"),
            self._get_param("RecordType"),
            self._get_param("EDNS0ClientSubnetIP"),
            self._get_param("EDNS0ClientSubnetMask"),
            self._get_param("ResolverIP"),
        )
        return ActionResult(answer)

    def _check(self):
        check_id = self._get_param("HealthCheckId")
        check = self.backend.health_checks.get(check_id)
        if check is None:
            raise Refused("NoSuchHealthCheck", f"A health check with id {check_id} does not exist.")
        return check

    def _endpoint_check(self):
        check = self._check()
        if check["HealthCheckConfig"]["Type"] in ("CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL"):
            raise Refused("InvalidInput", "The status of a calculated or metric health check cannot be asked for.")
        return check


def _repeated(check, config, reference):
    if check is None or check["HealthCheckConfig"] != config or check["HealthCheckVersion"] != 1:
        raise Refused(
            "HealthCheckAlreadyExists",
            f"A health check has already been created with the caller reference {reference} and other settings, or "
            "was deleted.",
        )
    return check


def _check_fixed(config, changed):
    if "IPAddress" in changed and not config.get("IPAddress"):
        message = "An IPAddress cannot be added to a health check that was created with a domain name only."
        raise Refused("InvalidInput", message)
    if changed.get("IPAddress") == "":
        raise Refused("InvalidInput", "The IPAddress of a health check cannot be removed.")
    if "SearchString" in changed and not config["Type"].endswith("_STR_MATCH"):
        message = "SearchString is for string-matching health checks only; the type cannot be changed."
        raise Refused("InvalidInput", message)


def _created(check):
    location = f"https://route53.amazonaws.com/2013-04-01/healthcheck/{check['Id']}"
    return ActionResult({"HealthCheck": check, "Location": location})
