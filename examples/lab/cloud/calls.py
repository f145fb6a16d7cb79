"""Reads from an HTTP request which AWS call it is: service, region, operation, protocol, attempt."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from moto.core.utils import get_service_model

# What a service calls itself in the credential scope, where that is not its usual name.
_SIGNING_NAMES = {"monitoring": "cloudwatch"}
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request")
_ATTEMPT = re.compile(r"attempt=(\d+)")
_APPLICATION = re.compile(r"(?:^|\s)app/(\S+)")
_PROTOCOLS = {"ec2": "ec2", "route53": "rest-xml", "cloudwatch": "query", "sts": "query", "iam": "query"}


@dataclass(frozen=True)
class Call:
    """One AWS call as far as its envelope tells."""

    service: str
    region: str
    operation: str
    protocol: str
    # The SDK's own count of tries for this call, from 1; 0 when it does not say.
    attempt: int
    signed: bool
    # What the client calls itself: the SDKs' application id (AWS_SDK_UA_APP_ID).
    application: str


def identify(request):
    """The call in this request (a `server.Request`)."""
    scope = _CREDENTIAL.search(request.header("authorization"))
    region, name = (scope.group(3), scope.group(4)) if scope else ("", "")
    service = _SIGNING_NAMES.get(name, name) or ("route53" if request.path.startswith("/2013-04-01/") else "unknown")
    attempt = _ATTEMPT.search(request.header("amz-sdk-request"))
    operation, protocol = _operation(request, service)
    application = _APPLICATION.search(request.header("user-agent"))
    return Call(
        service, region, operation, protocol, int(attempt.group(1)) if attempt else 0, scope is not None,
        application.group(1) if application else "",
    )  # fmt: skip


def _operation(request, service):
    if request.header("smithy-protocol") == "rpc-v2-cbor":
        return request.path.rstrip("/").rsplit("/", 1)[-1], "cbor"
    target = request.header("x-amz-target")
    if target:
        return target.rsplit(".", 1)[-1], "json"
    if service == "route53":
        return _route53_operation(request.method, request.path), "rest-xml"
    form = parse_qs(request.query)
    if request.header("content-type").startswith("application/x-www-form-urlencoded"):
        form.update(parse_qs(request.body.decode("utf-8", "replace")))
    action = form.get("Action", [""])[0]
    return action or f"{request.method} {request.path}", _PROTOCOLS.get(service, "query" if action else "json")


def _routes():
    routes = []
    for name in get_service_model("route53").operation_names:
        http = get_service_model("route53").operation_model(name).http
        path = http["requestUri"].split("?")[0].rstrip("/")
        pattern = re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path))
        routes.append((http["method"], re.compile(pattern + "/?$"), name))
    return routes


_ROUTE53_ROUTES = _routes()


def _route53_operation(method, path):
    # SDKs of another age send the id as hostedzone//hostedzone/Z1; AWS takes it, so do we.
    for wanted, pattern, name in _ROUTE53_ROUTES:
        if wanted == method and pattern.match(path):
            return name
    return f"{method} {path}"
