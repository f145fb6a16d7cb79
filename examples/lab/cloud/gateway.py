"""The way of a call through the lab: log, faults, region, rate, then the service itself."""

import sys
import traceback

from moto.core.request import Request as MotoRequest
from moto.ec2.exceptions import FilterNotImplementedError
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import create_environ, run_wsgi_app

from cloud import admin, clock, freetier, holding, pricelist, quotas, regions
from cloud.calls import identify
from cloud.cloudwatch.responses import LabCloudWatch
from cloud.ec2.responses import LabEC2
from cloud.hooks import NoDns
from cloud.lab import lab
from cloud.refusals import Answer, Refused, refuse
from cloud.route53.rate import Bucket
from cloud.route53.responses import LabRoute53
from cloud.server import Cut

_SERVICES = {"ec2": LabEC2, "route53": LabRoute53, "cloudwatch": LabCloudWatch}
# Everything else (STS, IAM, ...) is moto's own.
_others = DomainDispatcherApplication(create_backend_app)
_route53_bucket = Bucket()


class _Request(MotoRequest):
    from_wsgi_server = True


def answer(request):
    """Answers one HTTP request; raises `Cut` when there is to be no answer."""
    if request.path.startswith("/_lab/"):
        return admin.answer(request)
    call = identify(request)
    entry = lab.log.open(call)
    try:
        given = _with_faults(request, call)
    except Cut as cut:
        lab.log.close(entry, 0, str(cut))
        raise
    lab.log.close(entry, given.status, given.error_code())
    given.headers["Date"] = clock.date()
    return given


def _with_faults(request, call):
    rule = lab.faults.strike(call)
    if rule is None:
        return _execute(request, call)
    if rule.action == "error":
        request.wait(rule.seconds)
        return refuse(call, rule.code, rule.message or f"The lab was told to answer {rule.code}.", rule.status)
    if rule.action == "reset":
        raise Cut("reset")
    if rule.action == "dark":
        # Hangs for its seconds, or until the client has had enough.
        request.wait(rule.seconds or 3600)
        raise Cut("dark")
    if rule.action == "delay":
        request.wait(rule.seconds)
        return _execute(request, call)
    if rule.action == "hold":
        holding.hold(request, rule)
        raise Cut("hold")
    _execute(request, call)
    if rule.action == "held":
        holding.hold(request, rule)
    else:
        request.wait(rule.seconds)
    raise Cut(rule.action)


def _execute(request, call):
    refusal = regions.refusal(call) or clock.refusal(request, call)
    if refusal:
        return refuse(call, *refusal)
    if not call.signed and call.service in ("route53", "unknown") and not _may_be_unsigned(call):
        return refuse(call, "MissingAuthenticationToken", "Missing Authentication Token")
    if call.service == "route53" and lab.settings.rate_limit and not _route53_bucket.take():
        return refuse(call, "Throttling", "Rate exceeded")
    try:
        if call.service in _SERVICES:
            return _ours(request, _SERVICES[call.service])
        if (call.service, call.operation) == ("freetier", "GetAccountPlanState"):
            return freetier.account_plan_state()
        if (call.service, call.operation) == ("pricing", "GetProducts"):
            return pricelist.products(call, request)
        if (call.service, call.operation) == ("servicequotas", "GetServiceQuota"):
            return quotas.service_quota(call, request)
        return _motos(request)
    except Refused as error:
        return refuse(call, error.code, error.message)
    except FilterNotImplementedError as error:
        return refuse(call, "InvalidParameterValue", f"The filter is invalid: {error}")
    except NoDns as error:
        return refuse(call, "ServiceUnavailable", str(error))
    except NotImplementedError:
        return refuse(call, "InvalidAction", f"The action {call.operation} is not valid for this web service.")
    except Exception as error:  # AWS has its InternalError too; a dead connection would say less
        traceback.print_exc(file=sys.stderr)
        return refuse(call, "InternalError", f"An internal error has occurred: {type(error).__name__}: {error}")


def _may_be_unsigned(call):
    return call.operation.startswith("AssumeRoleWith")


def _ours(request, responses):
    wrapped = _Request(_environ(request))
    status, headers, body = responses.dispatch(wrapped, wrapped.raw_url, dict(wrapped.headers))
    return Answer(status, _plain(headers), body)


def _motos(request):
    body, status, headers = run_wsgi_app(_others, _environ(request), buffered=True)
    return Answer(status.split()[0], _plain(dict(headers.items())), b"".join(body))


def _environ(request):
    return create_environ(
        path=request.path,
        query_string=request.query,
        method=request.method,
        headers=list(request.headers.items()),
        data=request.body,
        base_url=f"http://{request.header('host') or 'localhost'}",
    )


def _plain(headers):
    # moto carries the status among the headers; HTTP does not.
    return {name: str(value) for name, value in headers.items() if name.lower() not in ("status", "connection")}
