"""The region of a call is the one it was signed for, whatever host or user agent it names."""

import re

_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/([^/,\s]+)/")


class Scoped:
    """Mixed into responses before moto's own guess from host and user agent."""

    def get_region_from_url(self, request, full_url):
        """The region in the credential scope."""
        found = _SCOPE.search(request.headers.get("Authorization", ""))
        return found.group(1) if found else self.default_region
