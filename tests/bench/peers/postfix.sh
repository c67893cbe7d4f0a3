#!/bin/bash
# Postfix as a receive-only MX in a chroot: smtpd, cleanup, queue, qmgr, virtual(8), Maildir.
#   postfix.sh setup | start [KEY=VALUE...] | stop | vars
set -eu
PEER=postfix
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
PORT=2501
case $1 in
setup)
	make_root postfix postfix-cdb
	make_maildirs
	cat >"$R/etc/postfix/main.cf" <<X
compatibility_level = 3.7
myhostname = bench.test
mydestination =
mynetworks = 127.0.0.9/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
default_transport = error:no outbound mail
virtual_mailbox_domains = bench.test
virtual_mailbox_base = /var/vmail
virtual_mailbox_maps = cdb:/etc/postfix/vmap
virtual_uid_maps = static:$UIDN
virtual_gid_maps = static:$UIDN
virtual_mailbox_limit = 0
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_chain_files = /etc/postfix/tls.pem
smtpd_tls_session_cache_database =
maillog_file = /var/log/postfix.log
biff = no
X
	awk -v n="$USERS" 'BEGIN { for (i = 0; i < n; i++) print "u" i "@bench.test u" i "/" }' >"$R/etc/postfix/vmap"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=bench.test \
		-keyout "$R/etc/postfix/key.pem" -out "$R/etc/postfix/chain.pem" 2>/dev/null
	cat "$R/etc/postfix/key.pem" "$R/etc/postfix/chain.pem" >"$R/etc/postfix/tls.pem"
	in_root postmap cdb:/etc/postfix/vmap
	in_root postconf -F '*/*/chroot = n'
	in_root postconf -MX smtp/inet 2>/dev/null || true
	in_root postconf -M "127.0.0.1:$PORT/inet=127.0.0.1:$PORT inet n - n - - smtpd"
	;;
start)
	shift
	in_root postconf -e "${@:-in_flow_delay=1s}"
	in_root postfix start 2>&1 | grep -v 'starting the' || true ;;
stop)
	in_root postfix stop >/dev/null 2>&1 || true
	stop_group
	;;
vars) echo "port=$PORT watch=$R/var/vmail/u%ld/new cpu=$CPU_FILE group=$CG" ;;
esac
