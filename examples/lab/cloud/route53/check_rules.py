"""What a health check's settings must look like, and what Route 53 makes of the missing ones."""

import ipaddress

from cloud.refusals import Refused

_ENDPOINT_TYPES = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP")
_TYPES = (*_ENDPOINT_TYPES, "CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL")
_CHECKER_REGIONS = (
    "us-east-1", "us-west-1", "us-west-2", "eu-west-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1",
    "sa-east-1",
)  # fmt: skip
# RFC 2544's range is special-use too; in the lab it is the internet, so instances can be checked.
_LAB_INTERNET = ipaddress.ip_network("198.18.0.0/15")


def completed(config, check_ids):
    """The settings with Route 53's defaults filled in; raises `Refused` when they are wrong."""
    config = {name: value for name, value in config.items() if value is not None}
    kind = config.get("Type")
    if kind not in _TYPES:
        raise _invalid(f"Type must be one of {', '.join(_TYPES)}, not '{kind}'")
    config.setdefault("Inverted", False)
    config.setdefault("Disabled", False)
    if kind in _ENDPOINT_TYPES:
        _complete_endpoint(config, kind)
    elif kind == "CALCULATED":
        _complete_calculated(config, check_ids)
    return config


def _complete_endpoint(config, kind):
    config.setdefault("RequestInterval", 30)
    config.setdefault("FailureThreshold", 3)
    config.setdefault("MeasureLatency", False)
    config.setdefault("EnableSNI", kind.startswith("HTTPS"))
    if kind != "TCP":
        config.setdefault("Port", 443 if kind.startswith("HTTPS") else 80)
    if config["RequestInterval"] not in (10, 30):
        raise _invalid(f"RequestInterval must be 10 or 30, not {config['RequestInterval']}")
    if not 1 <= config["FailureThreshold"] <= 10:
        raise _invalid(f"FailureThreshold must be between 1 and 10, not {config['FailureThreshold']}")
    if not 1 <= config.get("Port", 0) <= 65535:
        raise _invalid("Port must be given, between 1 and 65535")
    if not config.get("IPAddress") and not config.get("FullyQualifiedDomainName"):
        raise _invalid("Either IPAddress or FullyQualifiedDomainName must be given")
    if config.get("IPAddress"):
        _check_address(config["IPAddress"])
    if len(config.get("FullyQualifiedDomainName") or "") > 255:
        raise _invalid("FullyQualifiedDomainName may have 255 characters at most")
    if config["EnableSNI"] and not kind.startswith("HTTPS"):
        raise _invalid("EnableSNI is for HTTPS health checks only")
    _complete_request(config, kind)
    _check_regions(config)


def _complete_request(config, kind):
    if kind.endswith("_STR_MATCH"):
        if not 1 <= len(config.get("SearchString") or "") <= 255:
            raise _invalid("SearchString must have 1 to 255 characters for a string-matching health check")
    elif config.get("SearchString"):
        raise _invalid("SearchString is for string-matching health checks only")
    if kind == "TCP":
        if config.get("ResourcePath"):
            raise _invalid("ResourcePath must not be given for a TCP health check")
        return
    path = config.get("ResourcePath") or "/"
    config["ResourcePath"] = path if path.startswith("/") else "/" + path
    if len(config["ResourcePath"]) > 255:
        raise _invalid("ResourcePath may have 255 characters at most")


def _check_regions(config):
    wanted = config.get("Regions")
    if not wanted:
        config.pop("Regions", None)
        return
    unknown = [region for region in wanted if region not in _CHECKER_REGIONS]
    if unknown or len(set(wanted)) < 3:
        raise _invalid(f"Regions must be at least three of {', '.join(_CHECKER_REGIONS)}, not {', '.join(wanted)}")


def _complete_calculated(config, check_ids):
    children = config.get("ChildHealthChecks") or []
    if len(children) > 256:
        raise _invalid("A calculated health check may have 256 children at most")
    missing = [child for child in children if child not in check_ids]
    if missing:
        raise _invalid(f"The health check {missing[0]} does not exist, so it cannot be a child")
    if not 0 <= config.get("HealthThreshold", -1) <= 256:
        raise _invalid("HealthThreshold must be between 0 and 256 for a calculated health check")


def _check_address(written):
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        raise _invalid(f"Invalid IPAddress: {written}") from None
    if address.version == 4 and address in _LAB_INTERNET:
        return
    if not address.is_global or address.is_multicast or address.is_reserved:
        raise _invalid(
            f"Invalid IPAddress: {written}. A health check cannot be created for an address in the local, private, "
            "non-routable, or multicast ranges"
        )


def _invalid(message):
    return Refused("InvalidInput", message)
