#!/bin/sh
# The number of threads and the engine, from the environment and from the CPUs that are allowed.
set -u
probe=$2/tests/thread_probe
failed=0
unset OMP_NUM_THREADS FOVEA_NUM_THREADS FOVEA_THREADS OMP_PROC_BIND OMP_PLACES

# expect WANTED VARIABLE=VALUE...: what the probe prints and warns
expect() {
  wanted=$1
  shift
  found=$(env "$@" 2>&1) || failed=1
  [ "$found" = "$wanted" ] && return
  echo "FAILED: $*: '$found' instead of '$wanted'"
  failed=1
}

first=$("$probe" number)
cores=${first% *}
engine=${first#* }
if [ "$engine" = none ]; then
  echo "this build has one thread"
  exit 77
fi
expect "3 $engine" FOVEA_NUM_THREADS=3 OMP_NUM_THREADS=2 "$probe" number
expect "2 $engine" OMP_NUM_THREADS=2,4 FOVEA_NUM_THREADS= "$probe" number
for bad in 0 -1 4097 x 3x 1e3 '3 4' 99999999999999999999; do
  expect "fovea: warning: FOVEA_NUM_THREADS=$bad means nothing; it takes a whole number from 1 to 4096
$cores $engine" FOVEA_NUM_THREADS="$bad" "$probe" number
done
expect "$first" FOVEA_THREADS="$engine" "$probe" number
expect "$first" FOVEA_THREADS= "$probe" number
case $(FOVEA_THREADS=Pol "$probe" number 2>&1) in
  "fovea: warning: FOVEA_THREADS=Pol means nothing; it takes "*"$first") ;;
  *)
    echo "FAILED: an unknown engine is not warned about"
    failed=1
    ;;
esac
# Pinned by OpenMP the process has its cores still; pinned by taskset it has one. Where two OpenMP run
# times are loaded (Clang's and that of BLIS), the first one pins and the other has no word of it.
if [ "$(ldd "$probe" 2>/dev/null | grep -c 'lib[gi]*omp')" -le 1 ]; then
  expect "$first" OMP_PROC_BIND=true OMP_PLACES=threads "$probe" number
fi
if cpu=$(taskset -pc $$ 2>/dev/null | sed 's/.*[^0-9]\([0-9]*\)$/\1/') && [ -n "$cpu" ]; then
  expect "1 $engine" taskset -c "$cpu" "$probe" number
  expect "1 $engine" OMP_PROC_BIND=true taskset -c "$cpu" "$probe" number
  expect "" FOVEA_NUM_THREADS=4 taskset -c "$cpu" timeout 60 "$probe" steps 20
fi
exit $failed
