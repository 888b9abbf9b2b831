#!/bin/sh
# The programs of tests/bench still run: each network takes a training step and infers, and the losses
# are numbers; the answers of the timing loop are JSON with the losses of a network that learns. Every
# op has a case among those of ops, its passes run, and their bits are the same at any number of threads.
# choices has the same layers every time, all algorithms of convolution suit some of them, and a contest
# among them is timed.
set -u
build=$2
network=$build/bench/network
[ -x "$network" ] || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
  echo "FAILED: $*"
  failed=1
}

"$network" --list >"$work/list" || fail "network --list"
[ "$(wc -l <"$work/list")" -ge 13 ] || fail "network --list has fewer than 13 networks"
while read -r name _; do
  if ! "$network" "$name" --check >"$work/out" 2>&1 </dev/null ||
    ! grep -Eqx "$name( [0-9]+(\.[0-9]+)?){3}" "$work/out"; then
    fail "network $name --check: $(cat "$work/out")"
  fi
done <"$work/list"

"$network" lenet --dump "$work/weights" || fail "network lenet --dump"
printf 'infer 1 3 1\nbatch1 1 0 2\ntrain 2 3 1\n' | "$network" lenet --load "$work/weights" >"$work/out" ||
  fail "network lenet --load"
number='[0-9.]+'
grep -Eqx "\{\"losses\": \[($number, ){2}$number\], \"ms\": $number, \"peak_mb\": $number\}" "$work/out" ||
  fail "answers: $(cat "$work/out")"
[ "$(wc -l <"$work/out")" -eq 3 ] || fail "three lines were asked for: $(cat "$work/out")"
awk -F '[][,]' 'NR == 3 && !($4 < $2) { print "FAILED: the loss does not fall: " $0; exit 1 }' "$work/out" ||
  failed=1
# Every op is timed, or runs as the gradient of one; views that move nothing have stand-ins.
ops=$build/bench/ops
"$ops" --list >"$work/ops" || fail "ops --list"
grep -Evq '^\{"number": [0-9]+, "family": ".*", "ordered": (true|false)\}$' "$work/ops" &&
  fail "ops --list: $(grep -Ev '^\{"number": .*\}$' "$work/ops" | head -n 3)"
"$ops" --check >"$work/ran" || fail "ops --check"
sort -u "$work/ran" >"$work/sorted"
printf '%s\n' as_strided as_strided_scatter flatten max_pool_indices movedim unflatten view \
  >>"$work/sorted"
sort -u "$work/sorted" >"$work/timed"
for file in "$1"/tests/golden/*.txt; do basename "$file" .txt; done | sort >"$work/known"
for op in $(comm -23 "$work/known" "$work/timed"); do fail "tests/bench/ops does not time $op"; done

elements=450000
[ "${SANITIZE:-OFF}" = OFF ] || elements=30000 # which are slow
"$ops" --bits $elements >"$work/bits" || fail "ops --bits $elements: $(cat "$work/bits")"

choices=$build/bench/choices
"$choices" --list --raw --threads 2 >"$work/choices" || fail "choices --list --raw"
"$choices" --list --raw --threads 2 | cmp - "$work/choices" || fail "choices has other layers the second time"
text='"[^"]+"'
planned="\"layer\": $text, \"pass\": $text, \"algorithm\": $text, \"chosen\": (true|false)"
grep -Evq "^\{$planned, \"estimate_ms\": $number, \"plan\": $text\}\$" "$work/choices" &&
  fail "choices --list --raw: $(grep -Ev "^\{$planned.*\}\$" "$work/choices" | head -n 3)"
[ "$(grep -c '"chosen": true' "$work/choices")" -eq "$("$choices" --list | wc -l)" ] ||
  fail "choices --list: not one algorithm is chosen for each layer and pass"
names=$(sed -n '/ algorithms\[\] = {/,/};/p' "$1/tensor/conv_mode.c" | grep -o '"[a-z]*"' | grep -v '"any"')
[ "$names" ] || fail "tensor/conv_mode.c has no names of algorithms"
for name in $names; do
  grep -q "\"algorithm\": $name, \"chosen\": true" "$work/choices" || fail "choices: $name is never chosen"
done
small() {
  "$choices" --threads 1 --budget 0.1 --only whole/020 "$@"
}
small --limit 0.5 >"$work/out" || fail "choices --limit 0.5"
contender="$number \($number\) ms .+"
lines=$(grep -Ecx "$number  whole/020 2, 8x8, 4 to 4, 8x8/1, [a-z ]+: $contender; best $contender" "$work/out")
[ "$lines" -ge 3 ] || fail "choices: few passes: $(cat "$work/out")"
grep -q "^# .*, 1 thread: 1 layers, $lines passes compared, $lines above 0.50" "$work/out" ||
  fail "choices --limit 0.5: $(cat "$work/out")"
grep -Eq "^# forward +gemm +1 +[01] +[01] +$number  \($number to $number\)\$" "$work/out" ||
  fail "choices: no row for gemm: $(cat "$work/out")"
small --raw >"$work/out" || fail "choices --raw"
grep -Eqx "\{$planned, \"ms\": $number, \"estimate_ms\": $number, \"plan\": $text\}" "$work/out" ||
  fail "choices --raw: $(cat "$work/out")"
for wrong in --isa "--isa none" "--threads 0" "--limit x" "--budget -1" "--only nowhere" other; do
  # shellcheck disable=SC2086 # words
  "$choices" $wrong >/dev/null 2>&1 </dev/null && fail "choices $wrong is not refused"
done

for wrong in "" "nothing --check" "lenet --load" "lenet --load $work/none"; do
  # shellcheck disable=SC2086 # words
  "$network" $wrong >/dev/null 2>&1 </dev/null && fail "network $wrong is not refused"
done
exit $failed
