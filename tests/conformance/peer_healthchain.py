"""Run inside healthchain's own environment: its SandboxClient sends a Bundle, whole, as prefetch.

python peer_healthchain.py URL HOOK BUNDLE PATIENT; prints its responses as JSON. It makes up a patient id of
its own, which is set to the Bundle's patient here: another patient's evidence is never used.
"""

from __future__ import annotations

import contextlib
import json
import sys


def main() -> None:
    url, hook, bundle, patient = sys.argv[1:5]
    with contextlib.redirect_stdout(sys.stderr):
        from healthchain.sandbox import SandboxClient

        client = SandboxClient(url=url, workflow=hook)
        client.load_from_path(bundle)
        for request in client.requests:
            request.context.patientId = patient
        responses = client.send_requests()
    print(json.dumps(responses))


if __name__ == "__main__":
    main()
