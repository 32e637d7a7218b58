# Makes node_modules of ./package-lock.json, so that its bytes depend on the lock file and the system alone, not
# on the machine or the version of npm.
# usage: sh node-modules.sh SYSTEM, as Nix calls it: x86_64-linux
set -eu

case $1 in
  x86_64-*) cpu=x64 ;;
  aarch64-*) cpu=arm64 ;;
esac
npm ci --ignore-scripts --include=dev --no-bin-links --no-audit --no-fund --os="${1#*-}" --cpu="$cpu" --libc=glibc

rm node_modules/.package-lock.json
find node_modules -type d -empty -delete
find node_modules -type f -exec chmod 644 {} +
