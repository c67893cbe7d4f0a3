/* Every configuration key, in lists: kind, member of its struct, key, default, lowest, highest, what it is. CONFIG_LIST
 * has the keys of the file itself, the other lists those of its sections: LISTENER_LIST of listener "NAME" { ... },
 * CERTIFICATE_LIST of certificate "NAME" { ... }.
 *
 * The lists make struct config, the parser's tables, the defaults, the encoding for child processes, the output of
 * `tidegate config` and the key list of tidegate.conf(5) (a test compares them).
 *
 * Kinds: TEXT; LIST (of texts); NUMBER; SIZE (bytes; K, M, G understood); DURATION (seconds; s, m, h, d understood;
 * the member is in milliseconds); FLAG; ACTION, WALLS, RESOLVER_DOWN, LETTER_CASE, BARE_NEWLINE, TLS_POLICY,
 * LISTENER_ROLE, LISTENER_TLS (one word of a few).
 * Lowest and highest bound NUMBER, SIZE (bytes) and DURATION (seconds); for LIST they bound the count.
 *
 * On failure: see conf/config.h.
 */
#ifndef TIDEGATE_CONF_SCHEMA_H
#define TIDEGATE_CONF_SCHEMA_H

/* clang-format off */
#define CONFIG_LIST(K)                                                                                                 \
	K(TEXT, hostname, "hostname", "", 0, 0, "name in the greeting, in Received and in file names")                 \
	K(LIST, listen, "listen", "", 0, 64, "addresses with ports to listen on")                                      \
	K(TEXT, recipients, "recipients", "", 0, 0, "the recipients file, or a folder of them")                        \
	K(TEXT, postmaster, "postmaster", "", 0, 0, "the mailbox address that answers for postmaster")                 \
	K(TEXT, mailboxes, "mailboxes", "", 0, 0, "the first mailbox root")                                            \
	K(LIST, mailbox_roots, "mailbox-roots", "", 0, 15, "more folders that mailbox paths may lie in")               \
	K(TEXT, mailbox_user, "mailbox-user", "", 0, 0, "owner of the mailboxes, a name or a number")                  \
	K(TEXT, contact, "contact", "", 0, 0, "a line behind each refusal: whom a person can ask about it")            \
	K(TEXT, contact_url, "contact-url", "", 0, 0, "a page about refusals, named behind each of them")              \
	K(TEXT, state, "state", "", 0, 0, "folder for maps, spool, journal and the control socket")                    \
	K(LIST, resolvers, "resolvers", "", 1, 8, "resolvers with ports; default those of /etc/resolv.conf")           \
	K(NUMBER, uid_base, "uid-base", "70000", 1000, 4294900000, "first uid for accounts that do not exist")         \
	K(WALLS, require_walls, "require-walls", "none", 0, 0, "none or all: refuse to start when a wall is missing")  \
	K(NUMBER, processes, "processes", "0", 0, 32, "how many smtpd and dns processes; 0 is one a core")             \
	K(LIST, trusted, "trusted", "", 0, 256, "networks exempt from SPF and from the doubts about a client")         \
	K(LIST, forwarders, "forwarders", "", 0, 256, "networks and verified host names exempt from SPF")              \
	K(LIST, xclient_from, "xclient-from", "", 0, 256, "networks whose XCLIENT is believed")                         \
	K(RESOLVER_DOWN, resolver_down, "resolver-down", "defer", 0, 0, "defer or accept when no resolver answers")    \
	K(ACTION, spf_helo_pass, "spf-helo-pass", "note", 0, 0, "")                                                    \
	K(ACTION, spf_helo_none, "spf-helo-none", "note", 0, 0, "")                                                    \
	K(ACTION, spf_helo_neutral, "spf-helo-neutral", "note", 0, 0, "")                                              \
	K(ACTION, spf_helo_softfail, "spf-helo-softfail", "note", 0, 0, "")                                            \
	K(ACTION, spf_helo_fail, "spf-helo-fail", "doubt", 0, 0, "")                                                   \
	K(ACTION, spf_helo_temperror, "spf-helo-temperror", "note", 0, 0, "")                                          \
	K(ACTION, spf_helo_permerror, "spf-helo-permerror", "note", 0, 0, "")                                          \
	K(ACTION, spf_mailfrom_pass, "spf-mailfrom-pass", "note", 0, 0, "")                                            \
	K(ACTION, spf_mailfrom_none, "spf-mailfrom-none", "note", 0, 0, "")                                            \
	K(ACTION, spf_mailfrom_neutral, "spf-mailfrom-neutral", "note", 0, 0, "")                                      \
	K(ACTION, spf_mailfrom_softfail, "spf-mailfrom-softfail", "doubt", 0, 0, "")                                   \
	K(ACTION, spf_mailfrom_fail, "spf-mailfrom-fail", "refuse", 0, 0, "")                                          \
	K(ACTION, spf_mailfrom_temperror, "spf-mailfrom-temperror", "note", 0, 0, "")                                  \
	K(ACTION, spf_mailfrom_permerror, "spf-mailfrom-permerror", "note", 0, 0, "")                                  \
	K(TEXT, sub_address, "sub-address", "+", 0, 0, "characters that begin a sub-address; empty for none")          \
	K(LETTER_CASE, local_part_case, "local-part-case", "fold", 0, 0, "fold or keep the case of local parts")       \
	K(FLAG, strict_text, "strict-text", "false", 0, 0, "refuse lines over 998 octets and NUL in messages")         \
	K(BARE_NEWLINE, bare_newline, "bare-newline", "normalise", 0, 0, "normalise or refuse bare CR and LF in BDAT")  \
	K(TLS_POLICY, tls_policy, "tls-policy", "compatible", 0, 0, "compatible or modern: which ciphers are offered") \
	K(SIZE, max_message_size, "max-message-size", "50M", 65536, 2147483647, "greatest message")                    \
	K(NUMBER, max_recipients, "max-recipients", "1000", 100, 1000, "recipients a transaction")                     \
	K(NUMBER, max_received, "max-received", "100", 10, 1000, "Received fields before a message is a loop")         \
	K(NUMBER, max_errors, "max-errors", "10", 1, 1000, "refused commands before a session ends")                   \
	K(NUMBER, max_idle_commands, "max-idle-commands", "20", 1, 1000, "NOOP, RSET, VRFY, HELP without a MAIL")      \
	K(NUMBER, tarpit_after, "tarpit-after", "3", 0, 1000, "refused commands before the answers wait")              \
	K(DURATION, tarpit_limit, "tarpit-limit", "10", 0, 60, "the longest wait; 0: none")                            \
	K(NUMBER, harvest_delay_after, "harvest-delay-after", "5", 0, 1000, "unknown recipients before the wait is longest") \
	K(NUMBER, harvest_limit, "harvest-limit", "8", 0, 1000, "unknown recipients before a session ends; 0: any")    \
	K(NUMBER, harvest_rate_per_address, "harvest-rate-per-address", "100", 0, 1000000, "unknown recipients an hour; 0: any") \
	K(NUMBER, harvest_rate_per_network, "harvest-rate-per-network", "400", 0, 1000000, "of a /24 or /64; 0: any")  \
	K(NUMBER, max_connections, "max-connections", "10000", 1, 100000, "connections in all")                        \
	K(NUMBER, max_connections_per_address, "max-connections-per-address", "50", 0, 100000, "0: no cap")            \
	K(NUMBER, max_connections_per_network, "max-connections-per-network", "200", 0, 100000, "a /24 or /64; 0: no cap") \
	K(NUMBER, connection_rate_per_address, "connection-rate-per-address", "300", 0, 1000000, "new ones a minute")  \
	K(NUMBER, connection_rate_per_network, "connection-rate-per-network", "1200", 0, 1000000, "a /24 or /64; 0: no cap") \
	K(SIZE, memory_budget, "memory-budget", "256M", 1048576, 68719476736, "for all that clients cost, each smtpd") \
	K(SIZE, spool_budget, "spool-budget", "2G", 1048576, 1099511627776, "for spool files, each smtpd")             \
	K(TEXT, users, "users", "", 0, 0, "the users file: addresses and hashes of passwords")                         \
	K(TEXT, auth_socket, "auth-socket", "", 0, 0, "a socket of Dovecot's that checks passwords, instead of users") \
	K(NUMBER, auth_failures_per_address, "auth-failures-per-address", "20", 1, 1000000, "wrong passwords a window") \
	K(NUMBER, auth_failures_per_user, "auth-failures-per-user", "10", 1, 1000000, "and for one user")              \
	K(DURATION, auth_failure_window, "auth-failure-window", "1h", 1, 604800, "in which failures are counted")      \
	K(DURATION, greeting_delay, "greeting-delay", "3", 0, 60, "silence asked for before the greeting; 0: none")    \
	K(ACTION, early_talker, "early-talker", "refuse", 0, 0, "when a client talks before the greeting")             \
	K(DURATION, command_timeout, "command-timeout", "300", 1, 3600, "for one whole command line")                  \
	K(DURATION, tls_timeout, "tls-timeout", "30", 1, 300, "for one whole TLS handshake")                           \
	K(DURATION, data_timeout, "data-timeout", "180", 1, 3600, "between two reads of message text")                 \
	K(NUMBER, data_rate, "data-rate", "100", 1, 1000000, "least bytes a second of message text, after a minute")   \
	K(DURATION, session_idle, "session-idle", "1800", 10, 86400, "a session without a MAIL that is accepted")      \
	K(DURATION, spf_deadline, "spf-deadline", "10", 1, 60, "for one SPF check")                                    \
	K(DURATION, final_reply, "final-reply", "60", 1, 600, "from the final dot to the reply")                       \
	K(DURATION, drain_time, "drain-time", "75", 1, 3600, "for sessions to end after SIGTERM")                      \
	K(NUMBER, deliver_threads, "deliver-threads", "24", 1, 64, "commits at the same time")                         \
	K(SIZE, disk_margin, "disk-margin", "16M", 0, 1099511627776, "bytes that delivery leaves free")                \
	K(NUMBER, inode_margin, "inode-margin", "1000", 0, 1000000000, "inodes that delivery leaves free")             \
	K(DURATION, unread_time, "unread-time", "5d", 60, 2592000, "how long an unread 250 is remembered")

#define LISTENER_LIST(K)                                                                                               \
	K(TEXT, address, "address", "", 0, 0, "the address with its port")                                             \
	K(LISTENER_ROLE, role, "role", "mx", 0, 0, "mx for mail from anywhere, submission for our own users")          \
	K(LISTENER_TLS, tls, "tls", "starttls", 0, 0, "off, starttls or implicit")                                     \
	K(FLAG, proxy_protocol, "proxy-protocol", "false", 0, 0, "every connection begins with a PROXY header")        \
	K(LIST, proxy_from, "proxy-from", "", 0, 256, "networks of the proxies that may connect")

#define CERTIFICATE_LIST(K)                                                                                            \
	K(TEXT, chain, "chain", "", 0, 0, "PEM file: the certificate, then those that lead to its root")               \
	K(TEXT, key, "key", "", 0, 0, "PEM file: the private key")
/* clang-format on */

#endif
