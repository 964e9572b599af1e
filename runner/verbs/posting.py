"""The posting of a notification, as a program of its own: only a process can be given up, whatever it waits for.

Its standard input is a JSON object with `url` and `body`; it needs no more than the standard library, and is run by its
path. It ends with exit code 0 if the address has taken the body, and otherwise writes why not, without the address.
"""

import json
import sys
import urllib.error
import urllib.request


class _Strict(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: the body is for the address that tenants.yaml names."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Return no request for the new address, so that the answer counts as an error."""


def post(url: str, body: str) -> str:
    """Post a text of JSON, and return why that did not succeed; empty if it did."""
    if not url.lower().startswith(("http://", "https://")):
        return "not an http:// or https:// address"
    headers = {"Content-Type": "application/json", "User-Agent": "tenantry"}
    try:
        request = urllib.request.Request(url, body.encode(), headers, method="POST")  # noqa: S310  # checked above
        with urllib.request.build_opener(_Strict).open(request):
            return ""
    except urllib.error.HTTPError as error:
        return f"answered {error.code}"
    except urllib.error.URLError as error:
        return str(getattr(error.reason, "strerror", None) or "no connection").lower()
    except (OSError, ValueError) as error:
        # Not its message, which may repeat the address.
        return f"no connection: {type(error).__name__}"


if __name__ == "__main__":
    order = json.load(sys.stdin)
    failure = post(order["url"], order["body"])
    sys.stderr.write(failure)
    sys.exit(bool(failure))
