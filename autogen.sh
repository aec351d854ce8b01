#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Makes ./configure from configure.ac. Needed once after a clone, not for a release tarball.
set -eu
cd "$(dirname "$0")"
if ! command -v autoreconf >/dev/null 2>&1 || ! command -v automake >/dev/null 2>&1; then
    echo "autogen.sh: autoconf and automake are needed (Debian: apt install autoconf automake)" >&2
    exit 1
fi
exec autoreconf --install --force
