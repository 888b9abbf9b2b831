#!/bin/sh
# The sources are formatted by .clang-format (version 14 of clang-format decides) and the linter
# finds nothing in the scripts.
set -u
cd "$1" || exit 1
failed=0
checked=0
case $(clang-format --version 2>/dev/null) in
  *"version 14."*)
    checked=1
    find tensor autograd nn optim data train examples tests -name '*.[ch]' -print0 |
      xargs -0 clang-format --dry-run -Werror fovea.h || failed=1
    ;;
esac
if command -v shellcheck >/dev/null 2>&1; then
  checked=1
  for script in .ci/* examples/digits/*.sh tests/*.sh tests/golden/*.sh tests/web/*.sh; do
    shellcheck -x "$script" || failed=1
  done
fi
[ $checked = 1 ] || exit 77
exit $failed
