/* Everything Tidegate says to a client, in one list: code, enhanced code (RFC 3463), reason word, text.
 *
 * The reason is the word of the log, of `tidegate status` and of fail2ban rules; it is empty where nothing was
 * refused. In a text "{}" stands for the next detail, and "\n" begins the next line of a multi-line reply. A refusal
 * names the cause, then behind a semicolon what to do: its reader is a person who gets it in a bounce.
 *
 * Trust: details may be a client's, the map's or the Internet's bytes: only printable ASCII of them reaches the
 * reply, other octets become "?", and a long one is cut.
 * On failure: the buffer's sticky error.
 */
#ifndef TIDEGATE_SMTPD_REPLY_H
#define TIDEGATE_SMTPD_REPLY_H

#include "conf/config.h"
#include "lib/buf.h"
#include "lib/peer.h"
#include "lib/span.h"

/* clang-format off */
#define REPLY_LIST(R) \
	R(NONE, 0, "", "", "") \
	R(GREETING, 220, "", "", "{} ESMTP") \
	R(GOODBYE, 221, "2.0.0", "", "{} closes the connection") \
	R(HELO, 250, "", "", "{}") \
	R(EHLO, 250, "", "", "{}") \
	R(RESET, 250, "2.0.0", "", "Reset") \
	R(NOOP, 250, "2.0.0", "", "Nothing done") \
	R(SENDER_TAKEN, 250, "2.1.0", "", "Sender taken") \
	R(RECIPIENT_TAKEN, 250, "2.1.5", "", "Recipient taken") \
	R(CHUNK_TAKEN, 250, "2.0.0", "", "{} octets taken") \
	R(DELIVERED, 250, "2.0.0", "delivered", "Delivered; {}") \
	R(DELIVERED_BEFORE, 250, "2.0.0", "delivered-before", "Delivered by an earlier attempt; {}") \
	/* PRDR: the replies to each recipient, and the one to all when not everybody has the message. */ \
	R(EACH_FOLLOWS, 353, "", "", "A reply to each recipient follows, in the order of RCPT, then one to all") \
	R(DELIVERED_TO, 250, "2.0.0", "", "Delivered to {}") \
	R(DELIVERED_TO_BEFORE, 250, "2.0.0", "", "Delivered to {} by an earlier attempt") \
	R(DELIVERED_TO_SOME, 250, "2.0.0", "delivered-to-some", "Delivered to some of the recipients; {}") \
	R(HELP, 214, "2.0.0", "", \
	    "Commands: HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT (RFC 5321)\nOffered to you now: {}\nTo read: https://www.rfc-editor.org, and there the RFC by its number\nFor help from a person: {}") \
	R(VRFY, 252, "2.5.0", "", "Addresses are not verified here; send MAIL and RCPT, and RCPT will tell") \
	R(TLS_GO_AHEAD, 220, "2.0.0", "", "Begin the TLS handshake") \
	R(LOGGED_IN, 235, "2.7.0", "login", "Logged in") \
	R(CHALLENGE, 334, "", "", "{}") \
	R(GO_AHEAD, 354, "", "", "Send the message and end it with a line holding only a dot") \
	/* The session ends. */ \
	R(DRAINING, 421, "4.3.2", "draining", "{} is being stopped or restarted; connect again in a minute") \
	R(TIMED_OUT, 421, "4.4.2", "timed-out", "Waited too long for your next line; connect again") \
	R(TOO_SLOW, 421, "4.4.2", "too-slow", "The message comes too slowly; connect again over a better line") \
	R(SESSION_IDLE, 421, "4.4.2", "session-idle", "Too long without a message; connect again when there is one") \
	R(IDLE_COMMANDS, 421, "4.7.0", "idle-commands", "Too many commands without a message; connect again when there is one") \
	R(HARVEST, 421, "4.7.0", "harvest", "Too many recipients that do not exist; correct your list and connect again") \
	R(HARVESTER, 421, "4.7.0", "harvest", "Too many recipients that do not exist, from your address or network in the last hour; correct your list and try again later") \
	R(TOO_MANY_ERRORS, 421, "4.7.0", "too-many-errors", "Too many refused commands; correct them and connect again") \
	R(TOO_MANY_SESSIONS, 421, "4.3.2", "too-many-sessions", "{} has too many connections now; try again later") \
	R(TOO_MANY_FROM_YOU, 421, "4.7.0", "too-many-from-you", "{} has too many connections from your address or network; close some, or try again later") \
	R(TOO_MANY_NEW, 421, "4.7.0", "too-many-from-you", "{} has had too many connections from your address or network in the last minute; try again in a minute") \
	R(BUSY, 421, "4.3.2", "busy", "{} is too busy now, or being restarted; try again later") \
	R(NO_MEMORY_LEFT, 421, "4.3.2", "no-memory", "{} has no memory left for another connection; try again later") \
	R(NO_DESCRIPTORS, 421, "4.3.2", "no-descriptors", "{} has no descriptor left for another connection; try again later") \
	R(SESSION_NO_MEMORY, 421, "4.3.2", "no-memory", "{} is out of memory for this session; try again later") \
	R(EARLY_TALKER, 554, "5.5.1", "early-talker", "You talked before the greeting; wait for the line that begins with 220 (RFC 5321 3.1)") \
	R(EARLY_DEFERRED, 421, "4.5.1", "early-talker", "You talked before the greeting; connect again, and wait for the line that begins with 220 (RFC 5321 3.1)") \
	R(BROKEN_LINE, 500, "5.5.2", "broken-line", "Lines end in CRLF and hold no other CR, LF or NUL; correct the client") \
	R(ENDLESS_LINE, 500, "5.5.2", "endless-line", "This line does not end; correct the client") \
	R(ENDLESS_MESSAGE, 552, "5.3.4", "endless-message", "The message is far over the limit of {} bytes; send a link to its attachments") \
	R(BAD_CHUNK, 501, "5.5.4", "bad-bdat", "Write it as BDAT octets, or BDAT octets LAST; what follows cannot be told from text") \
	/* Commands. */ \
	R(LONG_LINE, 500, "5.5.2", "long-line", "The line is longer than 2048 octets; correct the client") \
	R(EMPTY_LINE, 500, "5.5.2", "empty-line", "This line holds no command; HELP lists those there are") \
	R(UNKNOWN_COMMAND, 500, "5.5.1", "unknown-command", "Unknown command; HELP lists those there are") \
	R(BAD_ARGUMENT, 501, "5.5.4", "bad-argument", "This command takes no argument; send it alone") \
	R(BAD_HELO, 501, "5.5.4", "bad-helo", "This is neither a domain name nor an address literal; give one of them as your name") \
	R(BAD_VRFY, 501, "5.5.4", "bad-argument", "VRFY needs an address; name one") \
	R(BAD_MAIL, 501, "5.5.4", "bad-mail", "The address is missing or not in brackets; write it as MAIL FROM:<address>") \
	R(BAD_RCPT, 501, "5.5.4", "bad-rcpt", "The address is missing or not in brackets; write it as RCPT TO:<address>") \
	R(BAD_SENDER, 501, "5.1.7", "bad-sender", "The sender's address is not well formed (RFC 5321); correct it in the program that sends") \
	R(BAD_RECIPIENT, 501, "5.1.3", "bad-recipient", "The recipient's address is not well formed (RFC 5321); check its spelling") \
	R(LONG_SENDER, 501, "5.1.7", "bad-sender", "The sender's address is longer than RFC 5321 allows; use a shorter one") \
	R(LONG_RECIPIENT, 501, "5.1.3", "bad-recipient", "The recipient's address is longer than RFC 5321 allows; check its spelling") \
	R(UTF8_SENDER, 550, "5.6.7", "needs-smtputf8", "The sender's address is not ASCII, which needs SMTPUTF8 behind it (RFC 6531); send from an ASCII address or by a client that has it") \
	R(UTF8_RECIPIENT, 553, "5.6.7", "needs-smtputf8", "The recipient's address is not ASCII, which needs SMTPUTF8 in MAIL (RFC 6531); use its ASCII address or a client that has it") \
	R(BAD_XCLIENT, 501, "5.5.4", "bad-xclient", "Attribute {} of XCLIENT is not known, not well formed, or given twice; EHLO lists those there are") \
	R(XCLIENT_REFUSED, 550, "5.7.0", "xclient-refused", "XCLIENT is taken from configured hosts only; leave it out, or have this host added to xclient-from") \
	R(BAD_PARAMETER, 501, "5.5.4", "bad-parameter", "Parameter {} is not well formed or given twice; correct the client") \
	R(UNKNOWN_PARAMETER, 555, "5.5.4", "unknown-parameter", "Parameter {} is not known here; leave it out") \
	R(NOT_IMPLEMENTED, 502, "5.5.1", "not-implemented", "This command is not offered here; HELP lists those that are") \
	R(TLS_IS_ON, 503, "5.5.1", "out-of-order", "TLS is on already; go on") \
	R(NO_TLS, 454, "4.7.0", "no-tls", "TLS is not available now; try again later, or go on without it") \
	R(OUT_OF_ORDER, 503, "5.5.1", "out-of-order", "This command is out of order here; the order is EHLO, MAIL, RCPT, DATA") \
	R(CHUNK_UNWANTED, 503, "5.5.1", "chunk-unwanted", "No message takes this chunk: no recipient was accepted, or an earlier chunk was refused; send RSET") \
	R(NO_RECIPIENTS, 554, "5.5.1", "no-recipients", "No recipient was accepted, so there is nothing to send; see what each RCPT was answered") \
	/* AUTH, and what only a user may do. */ \
	R(BAD_AUTH, 501, "5.5.4", "bad-auth", "This names no way to log in; write it as AUTH PLAIN or AUTH LOGIN") \
	R(UNKNOWN_MECHANISM, 504, "5.5.4", "unknown-mechanism", "This way to log in is not offered; set the mail program to a password sent over TLS (PLAIN or LOGIN)") \
	R(BAD_RESPONSE, 501, "5.5.2", "bad-response", "This is not what AUTH PLAIN or LOGIN sends, in base64; correct the client") \
	R(LONG_RESPONSE, 500, "5.5.6", "long-response", "The response is longer than 12288 octets; correct the client") \
	R(LOGIN_CANCELLED, 501, "5.7.0", "login-cancelled", "You have cancelled the login; begin again with AUTH") \
	R(LOGIN_NEEDS_TLS, 538, "5.7.11", "login-needs-tls", "Passwords are not taken in the clear; set the mail program to use TLS") \
	R(LOGGED_IN_BEFORE, 503, "5.5.1", "logged-in-before", "You have logged in already; connect again to do so as somebody else") \
	R(LOGIN_FAILED, 535, "5.7.8", "login-failed", "The address or the password is wrong; check both in the settings of the mail program") \
	R(LOGIN_BUSY, 454, "4.7.0", "login-busy", "Too many logins, or too many that failed; try again in some minutes") \
	R(LOGIN_TROUBLE, 454, "4.7.0", "login-trouble", "Passwords cannot be checked now; try again in some minutes") \
	R(TOO_MANY_LOGINS, 421, "4.7.0", "too-many-logins", "Too many logins have failed; check address and password, and connect again") \
	R(LOGIN_NEEDED, 530, "5.7.0", "login-needed", "This port is for the users of {}; set the mail program to log in over TLS, or use port 25 to send to them from another server") \
	R(NOT_YOUR_ADDRESS, 553, "5.7.1", "not-your-address", "{} may not send as {}; use an address whose mail comes to your mailbox and to no other") \
	R(NOTHING_LEAVES, 550, "5.7.1", "nothing-leaves", "This server sends nothing to other domains; send this through the smart host of your provider") \
	/* Sender and recipient. */ \
	R(ANNOUNCED_TOO_LARGE, 552, "5.3.4", "too-large", "The message is over the limit of {} bytes; send it in parts, or send a link to its attachments") \
	R(NO_MAP, 451, "4.3.5", "no-map", "The list of the addresses here is not ready; try again later") \
	R(MAP_BROKEN, 451, "4.3.5", "map-broken", "The entry of this address is damaged here; try again later") \
	R(NOT_OURS, 550, "5.7.1", "not-ours", "Mail for this domain is not taken here; use the server that its MX record names") \
	R(UNKNOWN_USER, 550, "5.1.1", "unknown-user", "There is no address {} here; check its spelling") \
	R(CLOSED_ADDRESS, 550, "5.2.1", "closed-address", "This address takes no mail; ask whom it belongs to for another one") \
	R(DEFERRED_ADDRESS, 450, "4.2.1", "deferred-address", "This address takes no mail now; try again later") \
	/* The same in the words of the map. */ \
	R(CLOSED_IN_WORDS, 550, "5.2.1", "closed-address", "{}") \
	R(DEFERRED_IN_WORDS, 450, "4.2.1", "deferred-address", "{}") \
	R(TOO_MANY_RECIPIENTS, 452, "4.5.3", "too-many-recipients", "Too many recipients; send to the others in a next transaction") \
	R(NULL_SENDER_AGAIN, 452, "4.5.3", "null-sender-again", "A report has one recipient; send to the others one by one") \
	R(RESOLVER_DOWN, 451, "4.4.3", "resolver-down", "The name service does not answer us; try again later") \
	R(SPF_HELO_REFUSED, 550, "5.7.23", "spf-helo", "The SPF record of {} does not permit {} to use that name; have that server's administrator correct one of them") \
	R(SPF_REFUSED, 550, "5.7.23", "spf-mailfrom", "The SPF record of {} does not permit {} to send its mail; send it through that domain's own server, or have the record corrected") \
	R(SPF_EXPLAINED, 550, "5.7.23", "spf-mailfrom", "The SPF record of {} does not permit {} to send its mail; send it through that domain's own server; the domain explains: {}") \
	R(SPF_DEFERRED, 451, "4.7.24", "spf-deferred", "The SPF result for {} does not allow us to take the mail now; try again later") \
	R(PROBE_NO_ROOM, 452, "4.3.1", "no-room", "There is no room for the message now; try again later") \
	R(PROBE_NOT_WRITABLE, 451, "4.3.0", "not-writable", "The mailbox cannot be written now; try again later") \
	R(PROBE_TROUBLE, 451, "4.3.0", "delivery-trouble", "Delivery does not work now; try again later") \
	R(NO_MEMORY, 451, "4.3.0", "no-memory", "Out of memory for this transaction; try again later") \
	/* The message. */ \
	R(BARE_NEWLINE, 550, "5.6.11", "bare-newline", "There is a bare CR or LF in line {} of the message; correct the client to send CRLF") \
	R(TOO_LARGE, 552, "5.3.4", "too-large", "The message is over the limit of {} bytes; send it in parts, or send a link to its attachments") \
	R(MAIL_LOOP, 554, "5.4.6", "mail-loop", "The message has passed too many servers, it is in a loop; have the forwarding of the recipient checked") \
	R(STRICT_NUL, 550, "5.6.0", "strict-text", "There is a NUL in line {} of the message, which RFC 5321 forbids; correct the program that wrote it") \
	R(STRICT_LINE, 550, "5.6.0", "strict-text", "There are over 998 octets, the limit of RFC 5321, in line {} of the message; correct the program that wrote it") \
	R(SPOOL_FULL, 452, "4.3.1", "spool-full", "There is no room to hold the message now; try again later") \
	R(BODY_TROUBLE, 451, "4.3.0", "body-trouble", "The message cannot be held now; try again later") \
	R(COMMIT_NO_ROOM, 452, "4.3.1", "no-room", "There is no room for the message now; try again later") \
	R(COMMIT_TROUBLE, 451, "4.3.0", "delivery-trouble", "Delivery does not work now; try again later") \
	R(COMMIT_LATE, 451, "4.3.0", "delivery-late", "Delivery took too long and was taken back; try again later") \
	R(DEFERRED_FOR_ALL, 451, "4.3.0", "deferred-for-all", "Delivered to nobody, as the replies to the recipients say; try again later") \
	R(REFUSED_FOR_ALL, 550, "5.3.0", "refused-for-all", "Delivered to nobody, as the replies to the recipients say; correct what they name")
/* clang-format on */

enum reply_id {
#define R(NAME, code, enhanced, reason, text) REPLY_##NAME,
	REPLY_LIST(R)
#undef R
	    REPLY_COUNT
};

enum {
	REPLY_DETAILS = 3,
	REPLY_LINE_BYTES = 512,   /* greatest line with CRLF (RFC 5321 4.5.3.1.5) */
	REPLY_DETAIL_BYTES = 1024 /* of one detail; what is longer is cut */
};

/* A reply and the details for its text. The spans must live until it is formatted; `scratch` holds those that have
 * no other home, so a reply is passed by pointer and not copied. */
struct reply {
	enum reply_id id;
	struct span details[REPLY_DETAILS];
	struct span lines; /* our own words behind the text, cleaned by nobody: each line begins with "\n" */
	char scratch[PEER_TEXT_SIZE];
};

unsigned reply_code(enum reply_id id);
/* "5.1.1", or "" for replies that have none. */
const char *reply_enhanced(enum reply_id id);
/* The reason word, or "". */
const char *reply_reason(enum reply_id id);
/* Writes number into the reply's scratch; good as one of its details. */
struct span reply_number(struct reply *reply, uint64_t number);
/* Appends the whole reply: one or more lines of at most REPLY_LINE_BYTES, each with CRLF, code and enhanced code.
 * Behind a refusal (4xx, 5xx) stand the configuration's `contact` and `contact-url`, a line each, where they are set.
 */
void reply_format(const struct reply *reply, const struct config *config, struct buf *out);

#endif
