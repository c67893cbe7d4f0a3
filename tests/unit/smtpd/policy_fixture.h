/* Facts that policy accepts at every stage, for tests that change one of them.
 * On failure: cmocka names the line.
 */
#ifndef TIDEGATE_TESTS_UNIT_SMTPD_POLICY_FIXTURE_H
#define TIDEGATE_TESTS_UNIT_SMTPD_POLICY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtpd/policy.h"

/* A client from outside, a sender that SPF passes, a recipient at home, a small message, delivered. */
struct scene {
	struct config config;
	struct client_facts client;
	struct sender_facts sender;
	struct recipient_facts recipient;
	struct message_facts message;
	enum auth_verdict login;
};

static inline struct scene
good_scene(void)
{
	return (struct scene){ .config = { .hostname = "mx.example.org",
				   .spf_mailfrom_fail = ACTION_REFUSE,
				   .max_message_size = 1000,
				   .max_recipients = 100,
				   .max_received = 10 },
		.client = { .address = { .family = 4, .ip = { 192, 0, 2, 1 } }, .helo = SPAN("client.example") },
		.sender = { .address = SPAN("s@c.example"),
		    .domain = SPAN("c.example"),
		    .spf = { .state = FACT_KNOWN, .helo = SPF_PASS, .mailfrom = SPF_PASS } },
		.recipient = { .address = SPAN("alice@example.org"), .has_map = true, .verdict = MAP_DELIVER },
		.message = { .text_bytes = 1000, .received_fields = 10 } };
}

static inline struct policy_verdict
judge(const struct scene *scene, enum policy_stage stage, struct reply *reply)
{
	struct facts facts = { .client = &scene->client,
		.sender = &scene->sender,
		.recipient = &scene->recipient,
		.message = &scene->message,
		.login = scene->login };

	*reply = (struct reply){ .id = REPLY_NONE };
	return policy_judge(&facts, &scene->config, stage, reply);
}

static inline void
assert_judged(const struct scene *scene, enum policy_stage stage, enum policy_answer answer, enum reply_id id)
{
	struct reply reply;

	assert_int_equal(judge(scene, stage, &reply).answer, answer);
	assert_int_equal(reply.id, id);
	if (answer == POLICY_REFUSE)
		assert_int_equal(reply_code(id) / 100, 5);
	if (answer == POLICY_DEFER)
		assert_int_equal(reply_code(id) / 100, 4);
}

#endif
