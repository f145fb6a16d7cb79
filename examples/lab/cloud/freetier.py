"""The Free Tier API's one question that matters: which plan is the account on?"""

import json
from datetime import datetime, timedelta, timezone

from cloud.lab import lab
from cloud.refusals import Answer

_ACCOUNT = "123456789012"


def account_plan_state():
    """GetAccountPlanState: FREE while the setting `free_plan` says so, else PAID."""
    state = {"accountId": _ACCOUNT, "accountPlanType": "PAID", "accountPlanStatus": "ACTIVE"}
    if lab.settings.free_plan:
        ends = datetime.now(timezone.utc) + timedelta(days=180)
        state |= {
            "accountPlanType": "FREE",
            "accountPlanRemainingCredits": {"amount": 100.0, "unit": "USD"},
            "accountPlanExpirationDate": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    return Answer(200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(state))
