#!/bin/sh
# Numbers are printed, told and read with a point in a locale that has a comma.
set -u
probe=$2/tests/locale_probe
command -v localedef >/dev/null 2>&1 || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
localedef -i de_DE -f UTF-8 "$work/de_DE.UTF-8" >/dev/null 2>&1 || exit 77
cd "$work" || exit 1

# glibc never frees what it reads of LOCPATH.
german() {
  ASAN_OPTIONS=detect_leaks=0 LOCPATH=$work LC_ALL=de_DE.UTF-8 "$probe" "$@"
}
[ "$(german control)" = "1,5" ] || {
  echo "the C library prints 1.5 as $(german control): no locale to test with"
  exit 77
}
LC_ALL=C "$probe" >wanted 2>&1 || exit 1
german >found 2>&1 || exit 1
grep -q 'own: 1,5$' found || { echo "FAILED: the program's own locale was changed"; exit 1; }
sed -i 's/^own: 1,5$/own: 1.5/' found
diff wanted found || { echo "FAILED: a comma where a point belongs"; exit 1; }
for word in '1.5000e+00' 'p=0.25' 'factor=0.5' 'negative_slope=1e-05' 'half is 0.50' 'p is 1.5' '0.125'; do
  grep -q -e "$word" found || { echo "FAILED: no $word in"; cat found; exit 1; }
done

# who formats a number otherwise?
others=$(cd "$1" && grep -rnE 'printf\(.*%[-0-9.*]*[gfeGFE]|\bstrto(d|f|ld)\(|\bato[f]\(' --include='*.[ch]' \
  tensor autograd nn optim data | grep -vE '^tensor/numerals\.c:|^[^:]*:[0-9]*: \*')
[ -z "$others" ] || { echo "FAILED: by itself: $others"; exit 1; }
