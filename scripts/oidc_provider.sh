#!/bin/sh
# Start the identity provider of the tests: npm's oidc-provider, at the versions that tests/idp locks.
# Usage: scripts/oidc_provider.sh PORT REDIRECT_URI KEY_ID
# It is installed into build/idp, without running anything that a package brings; "ready" says that it answers.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
there="$here/build/idp"
mkdir -p "$there"
if ! cmp -s "$here/tests/idp/package-lock.json" "$there/installed-lock.json"; then
    cp "$here/tests/idp/package.json" "$here/tests/idp/package-lock.json" "$there/"
    (cd "$there" && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1) || { cat "$there/npm.log" >&2; exit 1; }
    cp "$there/package-lock.json" "$there/installed-lock.json"
fi
cp "$here/tests/idp/provider.mjs" "$there/provider.mjs"
exec node "$there/provider.mjs" "$@"
