"""Error answers in the protocol of the call they answer."""

import json
import re
import uuid
from xml.sax.saxutils import escape

import cbor2

_ROUTE53_NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
_STATUS = {
    "AuthFailure": 401,
    "UnauthorizedOperation": 403,
    "AccessDenied": 403,
    "AccessDeniedException": 403,
    "OptInRequired": 403,
    "ExpiredToken": 403,
    "SignatureDoesNotMatch": 403,
    "InvalidClientTokenId": 403,
    "MissingAuthenticationToken": 403,
    "RequestLimitExceeded": 503,
    "ServiceUnavailable": 503,
    "Unavailable": 503,
    "InternalError": 500,
    "InternalFailure": 500,
    "InsufficientInstanceCapacity": 500,
    "NoSuchHostedZone": 404,
    "NoSuchHealthCheck": 404,
    "NoSuchChange": 404,
    "HostedZoneAlreadyExists": 409,
    "HealthCheckAlreadyExists": 409,
    "HealthCheckVersionMismatch": 409,
}


class Refused(Exception):
    """Raised anywhere below the gateway to refuse a call with AWS's code and words."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Answer:
    """A complete HTTP answer."""

    def __init__(self, status, headers, body):
        self.status = int(status)
        self.headers = dict(headers)
        self.body = body.encode() if isinstance(body, str) else body

    def error_code(self):
        """The AWS error code in the body, None when the call went well."""
        if self.status < 400:
            return None
        if self.headers.get("Content-Type") == "application/cbor":
            return cbor2.loads(self.body).get("__type")
        found = re.search(rb"<Code>([^<]*)</Code>", self.body) or re.search(rb'"__type": ?"([^"]*)"', self.body)
        return found.group(1).decode() if found else str(self.status)


def refuse(call, code, message, status=None):
    """An error answer for this call; the status follows from the code unless given."""
    status = status or _STATUS.get(code, 400)
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-RequestId": request_id}
    if call.protocol == "cbor":
        fault = "Sender" if status < 500 else "Receiver"
        headers |= {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        headers["x-amzn-query-error"] = f"{code};{fault}"
        return Answer(status, headers, cbor2.dumps({"__type": code, "message": message}))
    if call.protocol == "json":
        headers["Content-Type"] = "application/x-amz-json-1.1"
        return Answer(status, headers, json.dumps({"__type": code, "message": message}))
    headers["Content-Type"] = "text/xml;charset=UTF-8"
    detail = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if call.protocol == "ec2":
        inner = f"<Response><Errors><Error>{detail}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    else:
        namespace = f' xmlns="{_ROUTE53_NAMESPACE}"' if call.service == "route53" else ""
        kind = "Sender" if status < 500 else "Receiver"
        inner = (
            f"<ErrorResponse{namespace}><Error><Type>{kind}</Type>{detail}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return Answer(status, headers, f'<?xml version="1.0" encoding="UTF-8"?>\n{inner}')
