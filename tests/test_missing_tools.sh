#!/bin/sh
# quickstart.sh and run.sh where tools are missing: a sentence each, and no half-done build. The
# folder that PATH names has links to all tools but some; cmake is one that only tells its arguments.
set -u
root=$1
command -v bash >/dev/null 2>&1 || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# tools NAME...: what is there beside the usual ones; sets PATH for the scripts
tools() {
  rm -rf "${work:?}/bin"
  mkdir "$work/bin"
  for tool in bash sh dirname basename id uname getconf cut sed grep cat tee tail printf rm mkdir "$@"; do
    place=$(command -v "$tool") || continue
    case $place in /*) ln -s "$place" "$work/bin/$tool" ;; esac
  done
  # shellcheck disable=SC2016 # the tool's own argument list
  printf '#!/bin/sh\necho "cmake ran: $*"\nexit 3\n' >"$work/fake_cmake"
  chmod +x "$work/fake_cmake"
}

# says WHAT SCRIPT ARGUMENTS...: fails with that sentence, and without building
says() {
  what=$1
  script=$2
  shift 2
  if env -u CC PATH="$work/bin" bash "$root/$script" "$@" >"$work/out" 2>&1 </dev/null ||
    ! grep -q -e "$what" "$work/out" || grep -q 'command not found' "$work/out" || [ -e "$work/build" ]; then
    echo "FAILED: $script $* should say '$what', and said:"
    cat "$work/out"
    failed=1
  else
    echo "ok: $script $*: $(grep -e "$what" "$work/out" | head -n 1)"
  fi
}

compiler=$(command -v gcc || command -v clang) || exit 77
compiler=$(basename "$compiler")

tools make
ln -s "$work/fake_cmake" "$work/bin/cmake"
says 'no C compiler (gcc or clang)' examples/quickstart.sh --offline --build "$work/build"
says 'installs nothing' examples/quickstart.sh --offline --build "$work/build"
says 'install by hand: compiler' examples/quickstart.sh --build "$work/build"
says 'no C compiler (gcc or clang)' tests/run.sh --build-dir "$work/build"

tools make "$compiler" as ld pkg-config
says 'cmake is not here' examples/quickstart.sh --offline --build "$work/build"
says 'install by hand: cmake' examples/quickstart.sh --build "$work/build"
says 'cmake is not here' tests/run.sh --build-dir "$work/build"

tools "$compiler" as ld pkg-config
ln -s "$work/fake_cmake" "$work/bin/cmake"
says 'neither ninja nor make is here' examples/quickstart.sh --offline --build "$work/build"
says 'neither ninja nor make is here' tests/run.sh --build-dir "$work/build"

# all but one compiler is there, and that is the one which is used
tools make as ld pkg-config "$compiler"
ln -s "$work/fake_cmake" "$work/bin/cmake"
says 'cmake ran: ' examples/quickstart.sh --offline --build "$work/build"
if command -v clang >/dev/null 2>&1; then
  tools make clang as ld pkg-config
  ln -s "$work/fake_cmake" "$work/bin/cmake"
  says 'cmake ran: ' examples/quickstart.sh --offline --build "$work/build"
  says 'no gcc here: clang compiles' tests/run.sh --build-dir "$work/build"
  says 'cmake ran: .*-DCMAKE_C_COMPILER=clang' tests/run.sh --build-dir "$work/build"
fi
if command -v gcc >/dev/null 2>&1; then
  tools make gcc as ld pkg-config
  ln -s "$work/fake_cmake" "$work/bin/cmake"
  says 'clang needs clang' tests/run.sh --clang --build-dir "$work/build"
fi
exit $failed
