#!/bin/sh
# A demo mail exchanger in the foreground on 127.0.0.1:2525: demo.sh FOLDER-OF-PROGRAMS
# Domain demo.example with alice, bob, and info for both; everything it writes lies under ./demo/.
set -eu
bin=$1
here=$(pwd)/demo
mkdir -p "$here/mail" "$here/state"
cat >"$here/tidegate.conf" <<END
hostname   = "mx.demo.example"
listen     = {"127.0.0.1:2525"}
recipients = "$here/recipients"
postmaster = "alice@demo.example"
mailboxes  = "$here/mail"
state      = "$here/state"
# As many as any limit on open files allows.
max-connections = 100
END
if ! grep -q '^nameserver' /etc/resolv.conf 2>/dev/null; then
	# Clients on loopback are never looked up, so the demo works on a machine without a resolver too.
	echo 'resolvers  = {"127.0.0.1:53"}' >>"$here/tidegate.conf"
fi
cat >"$here/recipients" <<END
alice@demo.example   maildir
bob@demo.example     maildir
info@demo.example    alias alice@demo.example bob@demo.example
END
if [ "$(id -u)" -eq 0 ]; then
	# The mailboxes belong to the account that deliver runs as; any number will do.
	echo 'mailbox-user = "70007"' >>"$here/tidegate.conf"
	chown 70007 "$here/mail"
fi
"$bin/tidegate" map -c "$here/tidegate.conf"
cat <<END

The demo begins: stop it with Ctrl-C. When it says "tidegate: ready", paste in another terminal, in this folder:

send a message:  swaks --server 127.0.0.1:2525 --from you@sender.example --to info@demo.example --body 'Hello from the demo'
see it:          tail -n +1 demo/mail/demo.example/*/new/*
be refused:      swaks --server 127.0.0.1:2525 --from you@sender.example --to nobody@demo.example

END
exec "$bin/tidegate" run -c "$here/tidegate.conf"
