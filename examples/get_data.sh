#!/bin/sh
# Fetches data sets, compares checksums and lays them out where the library looks for them:
#
#   examples/get_data.sh                          MNIST to $FOVEA_DATA, or else to datasets
#   examples/get_data.sh /data cifar10 mnist      both to /data
set -u

usage() {
  cat <<'END'
Usage: examples/get_data.sh [DIR] [SET...]

Downloads data sets with curl or wget, compares their checksums and lays them out in DIR
(default: $FOVEA_DATA, else datasets) as fv_mnist, fv_cifar10 and the others read them.
What is there already stays as it is.

  mnist           11 MB (default)    DIR/mnist
  fashion-mnist   31 MB              DIR/fashion-mnist
  kmnist          21 MB              DIR/kmnist
  emnist         562 MB, unzip       DIR/emnist
  cifar10        170 MB              DIR/cifar-10-batches-bin
  cifar100       169 MB              DIR/cifar-100-binary

FOVEA_MIRROR     a folder or an address (https, http, file) that has the files as SET/FILE, in place
                 of their authors' sites
FOVEA_CHECKSUMS  a file of lines "MD5 SET/FILE", in place of the checksums of the published files

Leaves with 0 when all that was asked for is there, else with 1 after saying what to copy where.
END
}

# SET FILE MD5 ADDRESS. The checksums are those that the authors and torchvision publish.
files() {
  cat <<'END'
mnist train-images-idx3-ubyte.gz f68b3c2dcbeaaa9fbdd348bbdeb94873 https://ossci-datasets.s3.amazonaws.com/mnist
mnist train-labels-idx1-ubyte.gz d53e105ee54ea40749a09fcbcd1e9432 https://ossci-datasets.s3.amazonaws.com/mnist
mnist t10k-images-idx3-ubyte.gz 9fb629c4189551a2d022fa330f9573f3 https://ossci-datasets.s3.amazonaws.com/mnist
mnist t10k-labels-idx1-ubyte.gz ec29112dd5afa0611ce80d1b7f02629c https://ossci-datasets.s3.amazonaws.com/mnist
fashion-mnist train-images-idx3-ubyte.gz 8d4fb7e6c68d591d4c3dfef9ec88bf0d http://fashion-mnist.s3-website.eu-central-1.amazonaws.com
fashion-mnist train-labels-idx1-ubyte.gz 25c81989df183df01b3e8a0aad5dffbe http://fashion-mnist.s3-website.eu-central-1.amazonaws.com
fashion-mnist t10k-images-idx3-ubyte.gz bef4ecab320f06d8554ea6380940ec79 http://fashion-mnist.s3-website.eu-central-1.amazonaws.com
fashion-mnist t10k-labels-idx1-ubyte.gz bb300cfdad3c16e7a12a480ee83cd310 http://fashion-mnist.s3-website.eu-central-1.amazonaws.com
kmnist train-images-idx3-ubyte.gz bdb82020997e1d708af4cf47b453dcf7 http://codh.rois.ac.jp/kmnist/dataset/kmnist
kmnist train-labels-idx1-ubyte.gz e144d726b3acfaa3e44228e80efcd344 http://codh.rois.ac.jp/kmnist/dataset/kmnist
kmnist t10k-images-idx3-ubyte.gz 5c965bf0a639b31b8f53240b1b52f4d7 http://codh.rois.ac.jp/kmnist/dataset/kmnist
kmnist t10k-labels-idx1-ubyte.gz 7320c461ea6c1c855c0b718fb2a4b134 http://codh.rois.ac.jp/kmnist/dataset/kmnist
emnist gzip.zip 58c8d27c78d21e728a6bc7b3cc06412e https://biometrics.nist.gov/cs_links/EMNIST
cifar10 cifar-10-binary.tar.gz c32a1d4ab5d03f1284b67883e8d87530 https://www.cs.toronto.edu/~kriz
cifar100 cifar-100-binary.tar.gz 03b5dce01913d631647c71ecec9e9cb8 https://www.cs.toronto.edu/~kriz
END
}

say() { printf '%s\n' "$*"; }
fail() { printf 'get_data.sh: %s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }

# --- checksums ------------------------------------------------------------------------------------
md5_of() {
  if has md5sum; then
    md5sum <"$1" | cut -d ' ' -f 1
  elif has md5; then
    md5 -q "$1"
  else
    openssl md5 <"$1" | sed 's/.*= *//'
  fi
}

# wanted SET FILE MD5: the checksum that counts
wanted() {
  if [ -n "${FOVEA_CHECKSUMS:-}" ]; then
    awk -v name="$1/$2" '$2 == name { print $1; exit }' "$FOVEA_CHECKSUMS"
  else
    say "$3"
  fi
}

# --- downloads ------------------------------------------------------------------------------------
# fetch ADDRESS FILE: goes on with what FILE has of an earlier try; gives up soon where there is no
# network.
fetch() {
  case $1 in
    file://*) cp "${1#file://}" "$2" ;;
    *://*)
      if has curl; then
        if [ -t 2 ]; then bar=--progress-bar; else bar=--silent; fi
        curl --fail --location --show-error $bar --connect-timeout 5 --speed-limit 20000 \
          --speed-time 20 --continue-at - --output "$2" "$1"
      else
        wget --quiet --tries=1 --timeout=20 --continue --output-document="$2" "$1"
      fi
      ;;
    *) cp "$1" "$2" ;;
  esac
}

# download ADDRESS FILE MD5: FILE appears only when it is whole and right.
download() {
  part=$2.part
  case $1 in
    *://*)
      if [ "${1#file://}" = "$1" ] && ! has curl && ! has wget; then
        fail "downloading needs curl or wget (Debian: apt install curl)"
        return 1
      fi
      ;;
  esac
  for try in first second; do
    say "Fetching $1"
    code=0
    fetch "$1" "$part" || code=$?
    case $code in
      0) ;;
      8 | 22 | 33 | 36) # the server refuses, perhaps only to go on with the part that is here
        [ $try = first ] && [ -s "$part" ] || code=1
        rm -f "$part"
        [ $code -ne 1 ] || return 1
        continue
        ;;
      *) # a broken line: what has come is kept
        [ -s "$part" ] || rm -f "$part"
        return 1
        ;;
    esac
    found=$(md5_of "$part")
    if [ "$found" = "$3" ]; then
      mv "$part" "$2"
      return
    fi
    rm -f "$part"
  done
  fail "$1 is not the file that it should be: its md5 is $found, not $3"
  return 1
}

# --- what is there --------------------------------------------------------------------------------
# whole SET FILE MD5: is it in place? A file that was packed again has another checksum.
whole() {
  case $1 in
    cifar10) whole_folder cifar-10-batches-bin data_batch_1 data_batch_2 data_batch_3 data_batch_4 \
      data_batch_5 test_batch ;;
    cifar100) whole_folder cifar-100-binary train test ;;
    emnist) [ -f "$dir/emnist/emnist-letters-train-images-idx3-ubyte.gz" ] ;;
    *)
      [ -f "$dir/$1/$2" ] &&
        { [ "$(md5_of "$dir/$1/$2")" = "$3" ] || gzip -t "$dir/$1/$2" 2>/dev/null; }
      ;;
  esac
}

# whole_folder FOLDER NAME...: has it all these files?
whole_folder() {
  folder=$dir/$1
  shift
  for name in "$@"; do
    [ -s "$folder/$name.bin" ] || return 1
  done
}

folder_of() {
  case $1 in
    cifar10) say cifar-10-batches-bin ;;
    cifar100) say cifar-100-binary ;;
    *) say "$1" ;;
  esac
}

# unpack SET ARCHIVE: its one folder becomes the set's, all at once.
unpack() {
  target=$dir/$(folder_of "$1")
  new=$dir/.unpacking-$$
  rm -rf "$new"
  mkdir "$new" || return 1
  case $2 in
    *.zip)
      if ! has unzip; then
        fail "$2 is here, but unpacking it needs unzip (Debian: apt install unzip)"
        rm -rf "$new"
        return 1
      fi
      unzip -q "$2" -d "$new"
      ;;
    *) tar -xzf "$2" -C "$new" ;;
  esac || {
    rm -rf "$new"
    return 1
  }
  rm -rf "$target"
  mv "$new"/* "$target"
  rm -rf "$new"
}

# --- sets -----------------------------------------------------------------------------------------
# get SET FILE MD5 ADDRESS
get() {
  md5=$(wanted "$1" "$2" "$3")
  if [ -z "$md5" ]; then
    fail "$FOVEA_CHECKSUMS has no checksum of $1/$2"
    return 1
  fi
  if whole "$1" "$2" "$md5"; then
    say "$1: $2 is there"
    return
  fi
  address=$4/$2
  [ -z "${FOVEA_MIRROR:-}" ] || address=${FOVEA_MIRROR%/}/$1/$2
  case $2 in
    *.tar.gz | *.zip)
      [ -f "$dir/$2" ] && [ "$(md5_of "$dir/$2")" = "$md5" ] ||
        download "$address" "$dir/$2" "$md5" || return 1
      unpack "$1" "$dir/$2" && rm -f "$dir/$2"
      ;;
    *) mkdir -p "$dir/$1" && download "$address" "$dir/$1/$2" "$md5" ;;
  esac
}

# What somebody without network does.
explain() {
  fail "$1 is not all there. With another machine's network, fetch"
  files | while read -r set file md5 address; do
    [ "$set" = "$1" ] || continue
    say "    $address/$file   (md5 $(wanted "$set" "$file" "$md5"))"
  done >&2
  case $1 in
    cifar* | emnist) say "and put it into $dir; $0 $dir $1 unpacks it there." ;;
    *) say "and put them into $dir/$1." ;;
  esac >&2
  say "A folder or address that has them as $1/FILE may also be named: FOVEA_MIRROR=/media/disk $0 $dir $1" >&2
}

dir='' sets=''
for word in "$@"; do
  case $word in
    -h | --help)
      usage
      exit 0
      ;;
    mnist | fashion-mnist | kmnist | emnist | cifar10 | cifar100) sets="$sets $word" ;;
    -*)
      usage >&2
      exit 2
      ;;
    *)
      if [ -n "$dir" ]; then
        fail "'$word' is no data set, and the folder is '$dir' already"
        usage >&2
        exit 2
      fi
      dir=$word
      ;;
  esac
done
dir=${dir:-${FOVEA_DATA:-datasets}}
sets=${sets:-mnist}

if ! has md5sum && ! has md5 && ! has openssl; then
  fail "comparing checksums needs md5sum, md5 or openssl"
  exit 1
fi
mkdir -p "$dir" || exit 1

missing=0
for set in $sets; do
  complete=yes
  while read -r name file md5 address; do
    [ "$name" = "$set" ] || continue
    get "$set" "$file" "$md5" "$address" </dev/null || {
      complete=no
      break # the others come from the same place
    }
  done <<END
$(files)
END
  if [ $complete = no ]; then
    explain "$set"
    missing=1
  fi
done
exit $missing
