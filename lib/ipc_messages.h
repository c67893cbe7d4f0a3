/* Every message that two processes of Tidegate exchange, in one list.
 *
 * The list makes the enum, the structs, the names, the strict decoder and encoder, the matrix of who may say what,
 * and docs/IPC.md. One row: NAME, name (of struct ipc_NAME and of the union's member), speaker, hearer, descriptors.
 * Each row has its fields in IPC_FIELDS_NAME: kind, name and, for STRING and BYTES, the greatest length in bytes.
 *
 * On the wire: u16 type, then the fields in order, integers big-endian, STRING and BYTES with a u32 length.
 * A STRING holds no NUL. Nothing may follow the last field.
 *
 * Every ASK gets exactly one SAY; `session` and `transaction` (or `serial`) come back as they were sent.
 *
 * On failure: see lib/ipc.h.
 */
#ifndef TIDEGATE_LIB_IPC_MESSAGES_H
#define TIDEGATE_LIB_IPC_MESSAGES_H

/* clang-format off */
enum ipc_limit {
	IPC_ADDRESS_BYTES = 1024,     /* a mail address: RFC 5321 allows 254 octets, SMTPUTF8 and quoting more */
	IPC_DOMAIN_BYTES = 512,       /* a HELO name or a host name */
	IPC_TEXT_BYTES = 1024,        /* a sentence for a log line or a reply */
	IPC_TRACE_BYTES = 16384,      /* trace header fields */
	IPC_INLINE_BODY_BYTES = 32768,/* a body that travels inside COMMIT */
	IPC_RECIPIENTS = 1000,        /* the greatest number of handles in one COMMIT */
	IPC_IDS = 1000,               /* the greatest number of ids in one CLOSED or SETTLED */
	IPC_STATUS_BYTES = 16384,
	IPC_DIGEST_BYTES = 32,
	IPC_CHAIN_BYTES = 32768,      /* the certificates of one host, DER */
	IPC_SIGNED_BYTES = 640,       /* what is signed in a TLS handshake */
	IPC_SIGNATURE_BYTES = 1024,   /* RSA of 8192 bits */
	IPC_NETWORKS_BYTES = 16384,   /* networks with a space between each two */
	IPC_MESSAGE_BYTES = 65536     /* the greatest message on the wire */
};

/*                  NAME            name             from     to       descriptors */
#define IPC_LIST(M)                                                                                                    \
	M(READY, ready, CHILD, MASTER, 0)                 /* walls are up, or which are missing and why */             \
	M(EDGE, edge, MASTER, CHILD, 1)                   /* a new channel to a neighbour that was restarted */        \
	M(LISTENER, listener, MASTER, DOOR, 1)            /* a bound, listening socket */                              \
	M(UNLISTEN, unlisten, MASTER, DOOR, 0)            /* close one of them */                                      \
	M(CONFIG, config, MASTER, CHILD, 1)               /* a sealed memory file with the new configuration */        \
	M(MAP, map, MASTER, CHILD, 1)                     /* the new recipient map (auth: the users), read-only */     \
	M(FOLDER, folder, MASTER, CALLER, 1)              /* where the auth-socket is, as a mere place (O_PATH) */     \
	M(PAIRS, pairs, MASTER, KEYS, 1)                  /* a sealed memory file: certificates and their private keys */\
	M(PAIR_SAY, pair_say, KEYS, MASTER, 0)            /* what is thought of one of them */                         \
	M(CHAINS, chains, MASTER, SMTPD, 1)               /* a sealed memory file: the certificates in force */        \
	M(TRACE, trace, MASTER, SMTPD, 1)                 /* a pipe for the dialogues of some clients */               \
	M(TRACE_END, trace_end, MASTER, SMTPD, 0)         /* …and its end */                                           \
	M(DRAIN, drain, MASTER, CHILD, 0)                 /* finish what was begun, then say DRAINED */                \
	M(DRAINED, drained, CHILD, MASTER, 0)                                                                          \
	M(BREACH, breach, CHILD, MASTER, 0)               /* a neighbour broke the protocol: have it restarted */      \
	M(STATUS_ASK, status_ask, MASTER, CHILD, 0)                                                                    \
	M(STATUS_SAY, status_say, CHILD, MASTER, 0)                                                                    \
	M(CONNECTION, connection, DOOR, SMTPD, 1)         /* an accepted client */                                     \
	M(CLOSED, closed, SMTPD, DOOR, 0)                 /* sessions that ended, for the door's counts */             \
	M(ANNOUNCED_ASK, announced_ask, SMTPD, DOOR, 0)   /* may this client of a proxy come in? */                    \
	M(ANNOUNCED_SAY, announced_say, DOOR, SMTPD, 0)                                                                \
	M(HARVEST, harvest, SMTPD, DOOR, 0)               /* a client has tried a recipient that does not exist */     \
	M(HARVESTER, harvester, DOOR, SMTPD, 0)           /* …and it was one too many in this hour */                  \
	M(SPF_ASK, spf_ask, SMTPD, DNS, 0)                                                                             \
	M(SPF_SAY, spf_say, DNS, SMTPD, 0)                                                                             \
	M(NAME_ASK, name_ask, SMTPD, DNS, 0)              /* forward-confirmed reverse DNS of a client */              \
	M(NAME_SAY, name_say, DNS, SMTPD, 0)                                                                           \
	M(AUTH_ASK, auth_ask, SMTPD, AUTH, 0)             /* is this the user's password? */                           \
	M(AUTH_SAY, auth_say, AUTH, SMTPD, 0)                                                                          \
	M(SIGN_ASK, sign_ask, SMTPD, KEYS, 0)             /* sign this part of a TLS handshake */                      \
	M(SIGN_SAY, sign_say, KEYS, SMTPD, 0)                                                                          \
	M(LOCAL_ASK, local_ask, AUTH, CALLER, 0)          /* a connection to the configured auth-socket */             \
	M(LOCAL_SAY, local_say, CALLER, AUTH, 1)                                                                       \
	M(LOCAL_FAILED, local_failed, CALLER, AUTH, 0)                                                                 \
	M(SOCKET_ASK, socket_ask, DNS, CALLER, 0)         /* a socket connected to resolver number `resolver` */       \
	M(SOCKET_SAY, socket_say, CALLER, DNS, 1)                                                                      \
	M(SOCKET_FAILED, socket_failed, CALLER, DNS, 0)                                                                \
	M(CLAIMS, claims, SMTPD, DELIVER, 1)              /* the shared claim page of this edge (lib/claim.h) */       \
	M(PROBE_ASK, probe_ask, SMTPD, DELIVER, 0)        /* could you take so many bytes for this address now? */     \
	M(PROBE_SAY, probe_say, DELIVER, SMTPD, 0)                                                                     \
	M(COMMIT_ASK, commit_ask, SMTPD, DELIVER, 0)      /* with the body inside */                                   \
	M(COMMIT_FD_ASK, commit_fd_ask, SMTPD, DELIVER, 1)/* with the body in a descriptor; same fields */             \
	M(COMMIT_SAY, commit_say, DELIVER, SMTPD, 0)                                                                   \
	M(ABANDON, abandon, SMTPD, DELIVER, 0)            /* forget the handles of a transaction */                    \
	M(SETTLED, settled, SMTPD, DELIVER, 0)            /* the client has read these 250s */

#define IPC_FIELDS_READY(F, S) F(S, STRING, missing_walls, IPC_TEXT_BYTES)
#define IPC_FIELDS_EDGE(F, S) F(S, U8, peer_role, 0) F(S, U8, peer_instance, 0)
/* role: enum listener_role. tls: enum listener_tls. proxy_from: the networks that may connect when is_proxied. */
#define IPC_FIELDS_LISTENER(F, S)                                                                                         \
	F(S, U8, index, 0) F(S, STRING, address, IPC_TEXT_BYTES) F(S, STRING, name, IPC_DOMAIN_BYTES)                        \
	F(S, U8, role, 0) F(S, U8, tls, 0) F(S, U8, is_proxied, 0) F(S, STRING, proxy_from, IPC_NETWORKS_BYTES)
#define IPC_FIELDS_UNLISTEN(F, S) F(S, U8, index, 0)
#define IPC_FIELDS_CONFIG(F, S)
#define IPC_FIELDS_MAP(F, S)
#define IPC_FIELDS_FOLDER(F, S)
/* The file of PAIRS and of CHAINS: smtpd/certificate_set.h. */
#define IPC_FIELDS_PAIRS(F, S)
/* generation, index: of the set and of the pair in it. verdict: enum pair_verdict. expires: of the certificate, seconds
 * since 1970. chain: DER, one after another, the server's own first; empty, as expires is 0, unless PAIR_TAKEN. text:
 * what is wrong. */
#define IPC_FIELDS_PAIR_SAY(F, S)                                                                                         \
	F(S, U32, generation, 0) F(S, U32, index, 0) F(S, U8, verdict, 0) F(S, U64, expires, 0)                                    \
	F(S, BYTES, chain, IPC_CHAIN_BYTES) F(S, STRING, text, IPC_TEXT_BYTES)
#define IPC_FIELDS_CHAINS(F, S)
/* id: of the trace; a second one of the same id takes the first one's place. networks: of the clients. */
#define IPC_FIELDS_TRACE(F, S) F(S, U32, id, 0) F(S, STRING, networks, IPC_NETWORKS_BYTES)
#define IPC_FIELDS_TRACE_END(F, S) F(S, U32, id, 0)
#define IPC_FIELDS_DRAIN(F, S)
#define IPC_FIELDS_DRAINED(F, S)
#define IPC_FIELDS_BREACH(F, S) F(S, U8, peer_role, 0) F(S, U8, peer_instance, 0) F(S, STRING, what, IPC_TEXT_BYTES)
#define IPC_FIELDS_STATUS_ASK(F, S) F(S, U32, serial, 0)
/* text: lines of "name value"; values are decimal numbers. */
#define IPC_FIELDS_STATUS_SAY(F, S) F(S, U32, serial, 0) F(S, STRING, text, IPC_STATUS_BYTES)

/* is_near_cap: 1 when the door wants to hear of its end at once, 0 when it may come in a moment, with others.
 * listener, role, tls, is_proxied: as LISTENER had them. client: who has connected; the proxy when is_proxied. */
#define IPC_FIELDS_CONNECTION(F, S)                                                                                       \
	F(S, U32, id, 0) F(S, U8, is_near_cap, 0) F(S, PEER, client, 0) F(S, STRING, listener, IPC_DOMAIN_BYTES)             \
	F(S, U8, role, 0) F(S, U8, tls, 0) F(S, U8, is_proxied, 0)
/* ids: u32 each, big-endian. */
#define IPC_FIELDS_CLOSED(F, S) F(S, BYTES, ids, IPC_IDS * 4)
/* id: of the CONNECTION. client: whom the proxy has announced; the connection counts as this client's from now on. */
#define IPC_FIELDS_ANNOUNCED_ASK(F, S) F(S, U32, session, 0) F(S, U32, id, 0) F(S, PEER, client, 0)
/* is_welcome: 0 when that client has too many connections, or is_harvester: has tried too many recipients that do not
 * exist. is_near_cap: as in CONNECTION. */
#define IPC_FIELDS_ANNOUNCED_SAY(F, S)                                                                                    \
	F(S, U32, session, 0) F(S, U8, is_welcome, 0) F(S, U8, is_harvester, 0) F(S, U8, is_near_cap, 0)
/* id: of the CONNECTION. client: its own, or whom a host of `xclient-from` has named since. */
#define IPC_FIELDS_HARVEST(F, S) F(S, U32, session, 0) F(S, U32, id, 0) F(S, PEER, client, 0)
#define IPC_FIELDS_HARVESTER(F, S) F(S, U32, session, 0)

/* An empty mailfrom is the null sender (postmaster@helo is then checked). deadline_ms is a duration. */
#define IPC_FIELDS_SPF_ASK(F, S)                                                                                          \
	F(S, U32, session, 0) F(S, U32, transaction, 0) F(S, U32, deadline_ms, 0) F(S, PEER, client, 0)                            \
	F(S, STRING, helo, IPC_DOMAIN_BYTES) F(S, STRING, mailfrom, IPC_ADDRESS_BYTES)
/* helo_result, mailfrom_result: enum spf_result. explanation: the domain's own words, cleaned; empty when none.
 * mechanism: what matched. problem: one sentence for permerror and temperror. resolver_down: 1 when no
 * resolver answered at all. */
#define IPC_FIELDS_SPF_SAY(F, S)                                                                                          \
	F(S, U32, session, 0) F(S, U32, transaction, 0) F(S, U8, helo_result, 0) F(S, U8, mailfrom_result, 0)                      \
	F(S, U8, resolver_down, 0) F(S, U32, elapsed_us, 0) F(S, STRING, explanation, IPC_TEXT_BYTES)                           \
	F(S, STRING, helo_mechanism, IPC_DOMAIN_BYTES) F(S, STRING, mailfrom_mechanism, IPC_DOMAIN_BYTES)                    \
	F(S, STRING, problem, IPC_TEXT_BYTES)
#define IPC_FIELDS_NAME_ASK(F, S) F(S, U32, session, 0) F(S, U32, deadline_ms, 0) F(S, PEER, client, 0)
/* name is empty unless result is IPREV_CONFIRMED. */
#define IPC_FIELDS_NAME_SAY(F, S) F(S, U32, session, 0) F(S, U8, result, 0) F(S, STRING, name, IPC_DOMAIN_BYTES)

/* user: an address as the client gave it. One ask a session at a time; the hearer wipes the password when it has
 * answered. */
#define IPC_FIELDS_AUTH_ASK(F, S)                                                                                         \
	F(S, U32, session, 0) F(S, PEER, client, 0) F(S, STRING, user, IPC_ADDRESS_BYTES)                                          \
	F(S, STRING, password, IPC_TEXT_BYTES)
/* verdict: enum auth_verdict. user: the canonical address, when it is AUTH_PASSED; else empty. */
#define IPC_FIELDS_AUTH_SAY(F, S) F(S, U32, session, 0) F(S, U8, verdict, 0) F(S, STRING, user, IPC_ADDRESS_BYTES)
/* scheme: a SignatureScheme of RFC 8446 4.2.3. key: SHA-256 of the SubjectPublicKeyInfo. input: unhashed. */
#define IPC_FIELDS_SIGN_ASK(F, S)                                                                                         \
	F(S, U32, serial, 0) F(S, U32, scheme, 0) F(S, BYTES, key, IPC_DIGEST_BYTES) F(S, BYTES, input, IPC_SIGNED_BYTES)
/* verdict: enum sign_verdict. signature: empty unless SIGN_DONE. */
#define IPC_FIELDS_SIGN_SAY(F, S) F(S, U32, serial, 0) F(S, U8, verdict, 0) F(S, BYTES, signature, IPC_SIGNATURE_BYTES)
#define IPC_FIELDS_LOCAL_ASK(F, S) F(S, U32, serial, 0)
#define IPC_FIELDS_LOCAL_SAY(F, S) F(S, U32, serial, 0)
#define IPC_FIELDS_LOCAL_FAILED(F, S) F(S, U32, serial, 0) F(S, STRING, text, IPC_TEXT_BYTES)

/* resolver: index into the configured list. stream: 0 UDP, 1 TCP. */
#define IPC_FIELDS_SOCKET_ASK(F, S) F(S, U32, serial, 0) F(S, U8, resolver, 0) F(S, U8, stream, 0)
/* address: of the resolver that it is connected to; after a reload the two may not mean the same by an index. */
#define IPC_FIELDS_SOCKET_SAY(F, S) F(S, U32, serial, 0) F(S, PEER, address, 0)
#define IPC_FIELDS_SOCKET_FAILED(F, S) F(S, U32, serial, 0) F(S, STRING, text, IPC_TEXT_BYTES)

#define IPC_FIELDS_CLAIMS(F, S) F(S, U32, slots, 0)
/* bytes: the size the client announced, or 0. */
#define IPC_FIELDS_PROBE_ASK(F, S)                                                                                        \
	F(S, U32, session, 0) F(S, U32, transaction, 0) F(S, U64, bytes, 0) F(S, STRING, address, IPC_ADDRESS_BYTES)
/* verdict: enum probe_verdict. handle: nonzero when PROBE_TAKES. text: for the log. */
#define IPC_FIELDS_PROBE_SAY(F, S)                                                                                        \
	F(S, U32, session, 0) F(S, U32, transaction, 0) F(S, U8, verdict, 0) F(S, U32, handle, 0) F(S, STRING, text, IPC_TEXT_BYTES)
/* deadline_ms: CLOCK_MONOTONIC time in ms at which the commit may no longer begin. by_recipient: 1 when each recipient
 * stands for itself (PRDR), 0 when all get the message or none. digest: SHA-256 of the body.
 * handles: u32 each, big-endian. trace: header fields with LF. The body has CRLF, dots already undone. */
#define IPC_FIELDS_COMMIT_COMMON(F, S)                                                                                    \
	F(S, U32, session, 0) F(S, U32, transaction, 0) F(S, U64, deadline_ms, 0) F(S, U32, claim, 0) F(S, U8, by_recipient, 0)        \
	F(S, U64, body_bytes, 0) F(S, BYTES, digest, IPC_DIGEST_BYTES) F(S, BYTES, handles, IPC_RECIPIENTS * 4)              \
	F(S, STRING, mailfrom, IPC_ADDRESS_BYTES) F(S, STRING, trace, IPC_TRACE_BYTES)
#define IPC_FIELDS_COMMIT_ASK(F, S) IPC_FIELDS_COMMIT_COMMON(F, S) F(S, BYTES, body, IPC_INLINE_BODY_BYTES)
#define IPC_FIELDS_COMMIT_FD_ASK(F, S) IPC_FIELDS_COMMIT_COMMON(F, S)
/* outcome: enum commit_outcome. receipt: names this commit in SETTLED; 0 when there is nothing to settle. outcomes: to a
 * COMMIT by_recipient, one enum commit_outcome a handle, in their order, and outcome is then the best of them; empty
 * when the message failed as a whole. */
#define IPC_FIELDS_COMMIT_SAY(F, S)                                                                                       \
	F(S, U32, session, 0) F(S, U32, transaction, 0) F(S, U8, outcome, 0) F(S, U32, receipt, 0) F(S, U32, copies, 0)               \
	F(S, U32, elapsed_us, 0) F(S, STRING, text, IPC_TEXT_BYTES) F(S, BYTES, outcomes, IPC_RECIPIENTS)
#define IPC_FIELDS_ABANDON(F, S) F(S, U32, session, 0) F(S, U32, transaction, 0)
/* receipts: u32 each, big-endian. */
#define IPC_FIELDS_SETTLED(F, S) F(S, BYTES, receipts, IPC_IDS * 4)
/* clang-format on */

/* What auth says to AUTH_ASK. */
enum auth_verdict {
	AUTH_PASSED,
	AUTH_FAILED, /* no such user, or not this password: nobody is told which; 535 5.7.8 */
	AUTH_BUSY,   /* too many failures from there or for this user, or too many at once; not looked at; 454 4.7.0 */
	AUTH_TROUBLE /* it cannot be found out now; 454 4.7.0 */
};

/* What keys thinks of a certificate with its private key. */
enum pair_verdict {
	PAIR_TAKEN,
	PAIR_BAD_CHAIN,
	PAIR_BAD_KEY,
	PAIR_UNEQUAL /* the key is another certificate's */
};

/* What keys says to SIGN_ASK. */
enum sign_verdict {
	SIGN_DONE,
	SIGN_REFUSED, /* it is not part of a server's TLS handshake */
	SIGN_UNKNOWN, /* there is no such key any more, or not yet */
	SIGN_TROUBLE
};

/* What deliver says to PROBE_ASK. */
enum probe_verdict {
	PROBE_TAKES,        /* 250 */
	PROBE_UNKNOWN,      /* not in deliver's map: smtpd and deliver do not agree; 451 */
	PROBE_NO_ROOM,      /* bytes or inodes; 452 4.3.1 */
	PROBE_NOT_WRITABLE, /* 451 4.3.0 */
	PROBE_TROUBLE       /* anything else; 451 4.3.0 */
};

/* What deliver says to COMMIT_ASK. */
enum commit_outcome {
	COMMIT_DONE,        /* every copy is durable; 250 */
	COMMIT_DONE_BEFORE, /* every copy had been delivered by an attempt whose 250 was not read; 250 */
	COMMIT_NO_ROOM,     /* nothing was kept; 452 4.3.1 */
	COMMIT_TROUBLE,     /* nothing was kept; 451 4.3.0 */
	COMMIT_LATE,        /* the deadline or smtpd's claim came first; nothing was kept; 451 4.3.0 */
	COMMIT_REFUSED      /* the request broke the protocol; 451 4.3.0, and the log says why */
};

#endif
