# Shared by the peers' scripts: a Debian chroot per peer below $BENCH/root, and a control group of its own, so that the CPU
# of all its processes can be read and every one of them be stopped by pid.
# BENCH must name a folder outside the repository.
# shellcheck shell=bash
: "${BENCH:?set BENCH to a folder outside the repository for the chroots}"
ROOTS=$BENCH/root
R=$ROOTS/${PEER:?}
USERS=${USERS:-100}
UIDN=5000
# shellcheck disable=SC2034 # read by the scripts that source this one
if [ -d /sys/fs/cgroup/cpuacct ]; then
	CG=/sys/fs/cgroup/cpuacct/tidegate_bench_$PEER
	CPU_FILE=$CG/cpuacct.usage
else
	CG=/sys/fs/cgroup/tidegate_bench_$PEER
	CPU_FILE=$CG/cpu.stat
fi

in_root() { # run in the chroot and in the peer's control group, with /dev and /proc private to it
	mkdir -p "$CG"
	(
		echo "$BASHPID" >"$CG/cgroup.procs"
		# shellcheck disable=SC2016 # that shell's own variables
		exec unshare -m --propagation private sh -c 'r=$1; shift
			mount -t proc proc "$r/proc"; mount --rbind /dev "$r/dev"; exec chroot "$r" "$@"' sh "$R" "$@"
	)
}

make_base() {
	[ -e "$ROOTS/base/.ready" ] && return
	debootstrap --variant=minbase bookworm "$ROOTS/base" >/dev/null
	touch "$ROOTS/base/.ready"
}

make_root() { # make_root PACKAGE...: the base chroot with these packages
	[ -e "$R/.ready" ] && return
	make_base
	rm -rf "$R"
	cp -a "$ROOTS/base" "$R"
	printf '#!/bin/sh\nexit 101\n' >"$R/usr/sbin/policy-rc.d"
	chmod +x "$R/usr/sbin/policy-rc.d"
	echo "127.0.0.1 localhost bench.test" >"$R/etc/hosts"
	in_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >"$R/install.log" 2>&1
	in_root groupadd -g $UIDN vmail
	in_root useradd -u $UIDN -g $UIDN -d /var/vmail -s /usr/sbin/nologin vmail
	touch "$R/.ready"
}

make_maildirs() { # empty Maildirs u0, u1, …
	local i=0
	rm -rf "$R/var/vmail"
	while [ "$i" -lt "$USERS" ]; do
		mkdir -p "$R/var/vmail/u$i/tmp" "$R/var/vmail/u$i/new" "$R/var/vmail/u$i/cur"
		i=$((i + 1))
	done
	chown -R $UIDN:$UIDN "$R/var/vmail"
	chmod -R go-w "$R/var/vmail"
}

stop_group() { # end every process in this peer's own control group, by pid
	local pids signal
	[ -d "$CG" ] || return 0
	for signal in TERM TERM KILL; do
		pids=$(cat "$CG/cgroup.procs")
		[ -z "$pids" ] && break
		# shellcheck disable=SC2086 # a list of pids
		kill -$signal $pids 2>/dev/null || true
		sleep 0.5
	done
	rmdir "$CG" 2>/dev/null || true
}
