#!/usr/bin/env bash
# Unpacks real etcd, etcdctl and (where packaged) etcdutl from Debian's packages into .reference/3.5 and .reference/3.4.
#   scripts/reference-etcd.sh [3.5|3.4]...      default: both
# Uses the machine's own apt sources under another suite name and changes nothing of the machine's configuration.
# Exits 1, naming the reason, where it cannot; suites that compare are then skipped by name.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)/.reference
declare -A suite_of=([3.5]=sid [3.4]=bookworm)

fetch() {
  local version=$1 suite=${suite_of[$1]:?unknown version $1} dir=$root/$1
  if [ -x "$dir/etcd" ] && [ -x "$dir/etcdctl" ]; then "$dir/etcd" --version | sed -n 1p; return; fi
  command -v apt-get >/dev/null || { echo "reference-etcd: apt-get is missing" >&2; return 1; }
  local uri work keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed=
  uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -E '/debian/?$' | head -n 1)
  [ -n "$uri" ] || { echo "reference-etcd: no Debian source in apt's configuration" >&2; return 1; }
  [ -f "$keyring" ] && signed="signed-by=$keyring "
  work=$(mktemp -d)
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/parts"
  echo "deb [${signed}arch=$(dpkg --print-architecture)] $uri $suite main" >"$work/sources.list"
  local apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o "Dir::Etc::sourceparts=$work/parts"
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
  "${apt[@]}" update
  (cd "$work" && "${apt[@]}" download etcd-server etcd-client)
  for deb in "$work"/*.deb; do dpkg -x "$deb" "$work/root"; done
  mkdir -p "$dir"
  for binary in etcd etcdctl etcdutl; do
    if [ -f "$work/root/usr/bin/$binary" ]; then install -m 755 "$work/root/usr/bin/$binary" "$dir/$binary"; fi
  done
  rm -rf "$work"
  "$dir/etcd" --version | sed -n 1p
}

[ $# -gt 0 ] || set -- 3.5 3.4
for version in "$@"; do fetch "$version"; done
