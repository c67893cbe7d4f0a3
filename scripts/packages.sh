#!/bin/sh
# Installs what a task needs and this machine lacks: packages.sh build|demo|tests|lint|fuzz|bench ...
# As root it installs without asking; anybody else gets the one command to run. When nothing is missing it does nothing.
set -eu

build="gcc libc6-dev libseccomp-dev libevent-dev libconfuse-dev libcdb-dev libspf2-dev libc-ares-dev libssl-dev
	libidn2-dev libunistring-dev libcrypt-dev uthash-dev"
demo="swaks"
tests="python3 openssl python3-yaml libcmocka-dev perl iproute2 util-linux bsdextrautils procps mount e2fsprogs
	strace binutils"
lint="clang clang-format clang-tidy cppcheck shellcheck mandoc python3 libcmocka-dev"
fuzz="clang libclang-rt-dev"
bench="python3 openssl iproute2 e2fsprogs mount strace debootstrap linux-perf"

wanted=
for task in "$@"; do
	case $task in
	build) wanted="$wanted $build" ;;
	demo) wanted="$wanted $demo" ;;
	tests) wanted="$wanted $tests" ;;
	lint) wanted="$wanted $lint" ;;
	fuzz) wanted="$wanted $fuzz" ;;
	bench) wanted="$wanted $bench" ;;
	*)
		echo "packages.sh: no list is called '$task'; there are build, demo, tests, lint, fuzz and bench." >&2
		exit 2
		;;
	esac
done

if ! command -v dpkg-query >/dev/null; then
	echo "packages.sh: not a Debian system; these Debian packages, or what they hold, are needed: $wanted" >&2
	exit 0
fi

# shellcheck disable=SC2086 # a list of words
there=" $(dpkg-query -W -f '${Package}:${db:Status-Status} ' $wanted 2>/dev/null || true) "
missing=
for package in $wanted; do
	case "$there$missing " in
	*" $package:installed "* | *" $package "*) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "Packages are missing. Run this once, then try again:" >&2
	echo "    sudo apt-get install -y --no-install-recommends$missing" >&2
	exit 1
fi
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
# The lists may be old or absent on a fresh machine; a mirror that cannot be asked is no error while they still serve.
apt-get update -q >/dev/null || true
# shellcheck disable=SC2086 # a list of words
apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 $missing >/dev/null
