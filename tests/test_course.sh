#!/bin/sh
# The course says what its programs do: every program runs, without a data set on made-up images; every
# listing of C stands in the chapter's program word for word, or is a whole program that compiles
# without a warning; every quoted output is what the program prints, what was measured in its form;
# every figure is one that the program draws. Where PyTorch is, the listing in Python prints the same.
set -u
root=$1 build=$2
course=$root/examples/course
programs=$build/examples/course
[ -d "$programs" ] || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
LC_ALL=C.UTF-8
export LC_ALL
failed=0
fail() {
  echo "FAILED: $*"
  failed=1
}

# shellcheck source=tests/made_up_images.sh
. "$root/tests/made_up_images.sh"
data=${FOVEA_DATA:-}
if [ -z "$data" ]; then
  data=$work/data
  make_images "$data"
fi

# blocks FILE: its fenced blocks as work/block-1.KIND, ...; the kind of "```text printed" is printed
blocks() {
  rm -f "$work"/block-*
  awk -v prefix="$work/block-" '
    /^```/ && !inside { inside = 1; kind = substr($0, 4); sub(/^text /, "", kind); n++
                        file = prefix n "." kind; printf "" > file; next }
    /^```$/           { inside = 0; close(file); next }
    inside            { print > file }
  ' "$1"
}

# within BLOCK FILE: the lines of the block stand in the file in a row, indentation aside
within() {
  awk '{ gsub(/^[ \t]+/, ""); if (NR == FNR) { block[++n] = $0; next } text[++m] = $0 }
       END { for (i = 0; i + n <= m; i++) {
               for (j = 1; j <= n && block[j] == text[i + j]; j++);
               if (j > n) exit 0
             }
             exit 1 }' "$1" "$2"
}

# Numbers of a measured line, and how wide they are, are not compared.
form() { sed -E 's/[-+]?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?/N/g; s/ +/ /g' "$1"; }

chapters=0
for program in "$programs"/[0-9]*; do
  name=$(basename "$program")
  page=$course/$name.md
  if [ ! -f "$page" ]; then
    fail "no chapter $name.md"
    continue
  fi
  chapters=$((chapters + 1))
  grep -q "($name.md).*($name.c)" "$course/README.md" || fail "README.md of the course has no row $name"

  mkdir "$work/$name"
  "$program" --quick --data "$data" --out "$work/$name" >"$work/printed" 2>"$work/message" </dev/null ||
    fail "$name left with $?: $(cat "$work/message")"
  [ ! -s "$work/message" ] || fail "$name said: $(cat "$work/message")"
  form "$work/printed" | sort -u >"$work/forms"

  # --- figures
  sed -n 's/.*!\[.*\](\(.*\)).*/\1/p' "$page" | while read -r figure; do
    [ -s "$course/$figure" ] || echo "$page shows $figure, which is not there"
    [ -s "$work/$name/$(basename "$figure")" ] || echo "$name does not draw $figure"
  done >"$work/figures"
  [ ! -s "$work/figures" ] || fail "$(cat "$work/figures")"

  # --- listings and outputs
  blocks "$page"
  listings=0
  for block in "$work"/block-*; do
    case $block in
      *.c)
        listings=$((listings + 1))
        within "$block" "$course/$name.c" || fail "$name.c has not: $(cat "$block")"
        if grep -q 'int main(' "$block"; then
          "${CC:-cc}" -std=c17 -Wall -Wextra -Wpedantic -Werror -I"$root" -fsyntax-only "$block" ||
            fail "a program in $name.md does not compile"
        fi
        ;;
      *.printed)
        within "$block" "$work/printed" || fail "$name does not print: $(cat "$block")"
        ;;
      *.measured)
        form "$block" | sort -u | comm -23 - "$work/forms" >"$work/unknown"
        [ ! -s "$work/unknown" ] || fail "$name prints nothing like: $(cat "$work/unknown")"
        ;;
      *.python)
        /usr/bin/python3 -c 'import torch' 2>/dev/null || continue
        /usr/bin/python3 "$block" >"$work/theirs" 2>&1
        cmp -s "$work/theirs" "$work/printed" ||
          fail "PyTorch prints otherwise than $name: $(diff "$work/theirs" "$work/printed")"
        ;;
    esac
  done
  [ $listings -ge 1 ] || fail "$name.md has no listing"
done
[ $chapters -ge 11 ] || fail "only $chapters chapters"
for figure in "$course"/figures/*; do
  grep -q "figures/$(basename "$figure")" "$course"/*.md || fail "no chapter shows $(basename "$figure")"
done

# --- what is wrong is told ----------------------------------------------------------------------------
"$programs/01_perceptron" --data "$work/none" --out "$work" >"$work/printed" 2>"$work/message" &&
  fail '01_perceptron without data'
grep -q 'get_data.sh' "$work/message" || fail "01_perceptron without data said: $(cat "$work/message")"
"$programs/03_convolution" --size 3 >"$work/printed" 2>"$work/message"
[ $? -eq 2 ] || fail '03_convolution --size 3'
echo "$chapters chapters"
exit $failed
