# Read by the scripts of this folder that take options; $root is the source and $0 the script.
# shellcheck shell=bash disable=SC2154

# Prints the comment at the head of the script and leaves with STATUS.
usage() { # STATUS
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  exit "$1"
}

# read_options NAMES ARGUMENT...: if NAMES has "build=", --build VALUE sets the variable build; if it
# has "times", --times sets times to yes. What is no option is left in the array words.
read_options() {
  local names=" $1 " option
  shift
  words=()
  while [ $# -gt 0 ]; do
    option=${1#--}
    case $1 in
      -h | --help) usage 0 ;;
      --*=*) usage 2 >&2 ;;
      --*)
        if [[ $names == *" $option "* ]]; then
          printf -v "$option" yes
        elif [[ $names == *" $option= "* ]] && [ $# -gt 1 ]; then
          printf -v "$option" %s "$2"
          shift
        else
          usage 2 >&2
        fi
        ;;
      -*) usage 2 >&2 ;;
      *) words+=("$1") ;;
    esac
    shift
  done
}

# need_build FOLDER TARGET [OPTION...]: a program of the tests, built in a folder of the source unless
# $build names a build that has it.
need_build() {
  local target=$2
  [ -z "$build" ] || return 0
  build=$root/$1
  shift 2
  cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release "$@" >/dev/null
  cmake --build "$build" --target "$target" -j "$(nproc)" >/dev/null
}
