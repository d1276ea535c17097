#!/bin/sh
# Test double of Docker's macOS credential helpers: over SSH the keychain is locked, so each fails.
cat >/dev/null
echo 'User interaction is not allowed.'
exit 1
