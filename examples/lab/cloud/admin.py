"""The JSON API under /_lab/ by which people and tests watch and disturb the lab."""

import json

from cloud import instances
from cloud.account import inventory
from cloud.faults import BadRule
from cloud.gate import gate
from cloud.instances import NoSuchNode
from cloud.lab import lab
from cloud.machines import MachineTrouble
from cloud.refusals import Answer
from cloud.reset import reset
from cloud.settings import BadSetting


def answer(request):
    """Answers one admin request."""
    path = request.path[len("/_lab/") :].rstrip("/")
    if path.startswith("nodes/"):
        return _node(request, path)
    known = _ROUTES.get(path)
    if known is None:
        return _json(404, {"error": f"no /_lab/{path}; there are: {', '.join(sorted(_ROUTES))}, nodes/<name>/<act>"})
    work = known.get(request.method)
    if work is None:
        return _json(405, {"error": f"/_lab/{path} takes {', '.join(known)}, not {request.method}"})
    try:
        return work(request)
    except (BadRule, BadSetting, json.JSONDecodeError) as error:
        return _json(400, {"error": str(error)})


def _health(_):
    return _json(200, {"ok": True})


def _counts(_):
    return _json(200, lab.log.counts())


def _forget(_):
    lab.log.clear()
    return _json(200, {"ok": True})


def _log(_):
    return _json(200, lab.log.entries())


def _faults(_):
    return _json(200, lab.faults.rules())


def _add_fault(request):
    return _json(201, lab.faults.add(json.loads(request.body or b"{}")).as_dict())


def _clear_faults(_):
    lab.faults.clear()
    return _json(200, {"ok": True})


def _settings(_):
    return _json(200, lab.settings.as_dict())


def _change_settings(request):
    lab.settings.update(json.loads(request.body or b"{}"))
    return _settings(request)


def _reset(_):
    reset()
    return _json(200, {"ok": True})


def _nodes(_):
    return _json(200, instances.listing())


def _account(_):
    return _json(200, inventory())


def _address(request):
    return Answer(200, {"Content-Type": "text/plain"}, request.peer + "\n")


def _node(request, path):
    if request.method != "POST":
        return _json(405, {"error": f"/_lab/{path} takes POST, not {request.method}"})
    name, _, wanted = path[len("nodes/") :].rpartition("/")
    try:
        return _json(200, {"instance": instances.act(name, wanted), "done": wanted})
    except NoSuchNode as error:
        return _json(404, {"error": str(error)})
    except MachineTrouble as error:
        return _json(409, {"error": str(error)})


def _json(status, value):
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(value) + "\n")


_ROUTES = {
    "health": {"GET": _health},
    "requests": {"GET": _counts, "DELETE": _forget},
    "requests/log": {"GET": _log},
    "faults": {"GET": _faults, "POST": _add_fault, "DELETE": _clear_faults},
    "settings": {"GET": _settings, "POST": _change_settings},
    "reset": {"POST": _reset},
    "nodes": {"GET": _nodes},
    "address": {"GET": _address},
    "account": {"GET": _account},
    "gate/before": {"POST": gate.before},
    "gate/after": {"POST": gate.after},
}
