#!/bin/sh
# What is installed is enough for programs outside of the tree: the quick part of consumers.sh.
[ "${SANITIZE:-OFF}" = OFF ] || exit 77
command -v bash >/dev/null 2>&1 || exit 77
exec bash "$1/tests/consumers.sh" --installed --build "$2"
