"""CloudWatch's front: moto's, made to understand CBOR as well."""

from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.utils import get_service_model

from cloud.cloudwatch import cbor, percentiles
from cloud.refusals import Refused
from cloud.scope import Scoped

percentiles.install()


class LabCloudWatch(Scoped, CloudWatchResponse):
    """moto's CloudWatch; the query protocol stays as it is."""

    @property
    def _is_cbor(self):
        return self.headers.get("smithy-protocol") == "rpc-v2-cbor"

    def _get_action(self):
        if self._is_cbor:
            return self.path.rstrip("/").rsplit("/", 1)[-1]
        return super()._get_action()

    def parse_parameters(self, request):
        """Reads CBOR where the call is CBOR."""
        if self.normalized_request.headers.get("smithy-protocol") == "rpc-v2-cbor":
            self.params = cbor.parameters(request.data)
        else:
            super().parse_parameters(request)

    def setup_class(self, request, full_url=None, headers=None, use_raw_body=None):
        """A CBOR body is no text."""
        is_cbor = request.headers.get("smithy-protocol") == "rpc-v2-cbor"
        self.path, self.headers = request.path, request.headers
        super().setup_class(request, full_url, headers, use_raw_body=True if is_cbor else use_raw_body)

    def determine_response_protocol(self, service_model):
        """CBOR answers go through moto's JSON first."""
        return "json" if self._is_cbor else super().determine_response_protocol(service_model)

    def serialized(self, action_result):
        """Turns what moto would say into CBOR."""
        if not self._is_cbor:
            return super().serialized(action_result)
        if isinstance(action_result.result, Exception):
            error = action_result.result
            raise Refused(getattr(error, "code", "InternalFailure"), getattr(error, "message", str(error)))
        _, headers, body = super().serialized(action_result)
        shape = get_service_model("cloudwatch").operation_model(self._get_action()).output_shape
        answer = cbor.encode(body, shape)
        return answer.status, dict(headers) | answer.headers, answer.body
