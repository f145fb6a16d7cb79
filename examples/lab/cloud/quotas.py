"""Service Quotas' GetServiceQuota for what the lab itself enforces; it knows no other quota."""

import json

from cloud.lab import lab
from cloud.refusals import Answer, Refused

_ACCOUNT = "123456789012"
_SERVICES = {
    "ec2": "Amazon Elastic Compute Cloud (Amazon EC2)",
    "vpc": "Amazon Virtual Private Cloud (Amazon VPC)",
    "route53": "Amazon Route 53",
}
# What each quota is called, and the setting that holds it.
_QUOTAS = {
    ("ec2", "L-1216C47A"): ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", "vcpu_quota"),
    ("vpc", "L-E79EC296"): ("VPC security groups per Region", "group_quota"),
    ("route53", "L-ACB674F3"): ("Health checks", "check_quota"),
}
_NO_SERVICE = "The request failed because the specified service does not exist."
_NO_QUOTA = "The request failed because the specified quota does not exist."


def service_quota(call, request):
    """GetServiceQuota: the quota as it is applied in the call's region."""
    asked = json.loads(request.body or b"{}")
    for name in ("ServiceCode", "QuotaCode"):
        if not asked.get(name):
            raise Refused("IllegalArgumentException", f"{name} is required.")
    service, code = asked["ServiceCode"], asked["QuotaCode"]
    # What is global is listed in one region only.
    if service not in _SERVICES or (service == "route53" and call.region != "us-east-1"):
        raise Refused("NoSuchResourceException", _NO_SERVICE)
    if (service, code) not in _QUOTAS:
        raise Refused("NoSuchResourceException", _NO_QUOTA)
    name, setting = _QUOTAS[service, code]
    region = "" if service == "route53" else call.region
    quota = {
        "ServiceCode": service,
        "ServiceName": _SERVICES[service],
        "QuotaArn": f"arn:aws:servicequotas:{region}:{_ACCOUNT}:{service}/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": float(getattr(lab.settings, setting)),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": service == "route53",
        "QuotaAppliedAtLevel": "ACCOUNT",
    }
    return Answer(200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps({"Quota": quota}))
