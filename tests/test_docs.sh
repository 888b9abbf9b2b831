#!/bin/sh
# What is made of the headers' comments: FUNCTIONS.md is what docs/functions.py makes now, and has every
# public function with a line on what it does; Doxygen makes the reference without a warning, and shows
# macro, function and options as one.
set -u
root=$1 build=$2
command -v python3 >/dev/null 2>&1 || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
LC_ALL=C
export LC_ALL
failed=0
fail() {
  echo "FAILED: $*"
  failed=1
}
export PYTHONDONTWRITEBYTECODE=1

# --- FUNCTIONS.md -----------------------------------------------------------------------------------
PYTHONIOENCODING=utf-8 python3 "$root/docs/functions.py" >"$work/page" || fail 'docs/functions.py'
cmp -s "$work/page" "$root/FUNCTIONS.md" ||
  fail 'FUNCTIONS.md is not what docs/functions.py makes now: docs/functions.py > FUNCTIONS.md'
grep '^|.*| *|$' "$root/FUNCTIONS.md" | grep -v '^| | |$' >"$work/silent" &&
  fail "no comment says what these do: $(cat "$work/silent")"

# Every function that fovea.h declares and the library defines stands there under its user's name.
echo '#include "fovea.h"' | ${CC:-cc} -E -P -I"$root" -x c - >"$work/headers" || exit 1
grep -oE '\bfv_[A-Za-z0-9_]+ *\(' <"$work/headers" | tr -d ' (' | sort -u >"$work/declared"
nm -g --defined-only "$build"/libfovea.* 2>/dev/null |
  awk '$2 == "T" { print $3 }' | sort -u | comm -12 "$work/declared" - >"$work/public"
python3 "$root/docs/functions.py" --names | sort -u >"$work/names"
count=$(wc -l <"$work/public")
[ "$count" -ge 500 ] || fail "only $count public functions found"
join -a 1 -e none -o 1.1,2.2 "$work/public" "$work/names" | while read -r function shown; do
  grep -q "\`${shown}[(\`]" "$root/FUNCTIONS.md" || echo "$function"
done >"$work/missing"
[ ! -s "$work/missing" ] || fail "FUNCTIONS.md has not: $(tr '\n' ' ' <"$work/missing")"
echo "$count functions"

# --- the reference ----------------------------------------------------------------------------------
if ! command -v doxygen >/dev/null 2>&1 || [ ! -f "$build/docs/Doxyfile" ]; then
  echo 'no reference without Doxygen (Debian: doxygen)'
  exit $failed
fi
sed "s|^INPUT .*|INPUT = $work/source|; s|^OUTPUT_DIRECTORY .*|OUTPUT_DIRECTORY = $work|" \
  "$build/docs/Doxyfile" >"$work/Doxyfile"
if ! python3 "$root/docs/doxygen.py" "$work/source" || ! doxygen "$work/Doxyfile" >"$work/log" 2>&1 ||
  [ -s "$work/log" ]; then
  fail "Doxygen said: $(cat "$work/log")"
  exit $failed
fi
# shows PAGE TEXT: the page has the text, tags aside
shows() {
  sed 's:</td>: :g; s/<[^>]*>//g; s/&#160;/ /g; s/&gt;/>/g; s/&lt;/</g; s/&quot;/"/g' "$work/html/$1" | tr -s ' \n' '  ' >"$work/text"
  grep -qF -e "$2" "$work/text" || fail "$1 should show: $2"
}
conv=group__autograd__ops__conv__conv__h.html
shows $conv 'fv_tensor * bias, fv_dims stride = 1, fv_dims padding = 0'
shows $conv 'y = x * w + b: cross-correlation.'
shows $conv 'fv_conv2d_ex(const fv_conv_args *a)'
shows group__autograd__ops__pool__pool__h.html 'The first of equal maxima wins; NaN wins over numbers.'
shows group__autograd__ops__pool__pool__h.html 'ceil_mode the last window may hang over the end'
shows group__optim__optimizer__h.html 'buf = g at the first step, then momentum * buf + (1 - dampening) * g'
shows group__tensor__create__h.html 'fv_tensor_from (const void *data, int64_t sizes'
shows group__autograd__ops__elementwise__elementwise__h.html 'fv_sqrt_ (fv_tensor *x)'
shows group__tensor__print__h.html '"tensor(<failed>)" for a failed tensor'
shows index.html 'Pooling'
shows by_task.html 'fv_conv1d, fv_conv2d, fv_conv3d y = x * w + b: cross-correlation.'
shows structfv__conv__args.html '0; or FV_SAME, FV_VALID, FV_FULL'
exit $failed
