/* control/certificates: what is asked of keys, and what is in force after its answers. The files hold any text; keys is
 * the test.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "control/certificates.h"
#include "lib/log.h"
#include "tests/unit/own_folder.h"

enum { PATH_BYTES = 300, PAIRS = 2 };

static struct own_folder folder;
static char paths[PAIRS][2][PATH_BYTES];
static struct config_certificate sections[PAIRS];
static struct config config = { .certificates = sections, .certificate_count = PAIRS };
static struct certificates certificates;
static unsigned asked;
static unsigned in_force;
static unsigned refused;

static void
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static void
on_ask(void *context)
{
	(void)context;
	asked++;
}

static void
on_in_force(void *context)
{
	(void)context;
	in_force++;
}

static void
on_refused(void *context)
{
	(void)context;
	refused++;
}

static const struct certificates_events events = { on_ask, on_in_force, on_refused };

static int
set_up(void **unused)
{
	static const char *const names[PAIRS] = { "mx.example.org", "mail.example.net" };
	struct buf why = BUF_LIMIT(1024);

	(void)unused;
	own_folder_open(&folder);
	for (size_t i = 0; i < PAIRS; i++) {
		(void)snprintf(paths[i][0], PATH_BYTES, "%s/chain%zu", folder.path, i);
		(void)snprintf(paths[i][1], PATH_BYTES, "%s/key%zu", folder.path, i);
		write_file(paths[i][0], i ? "chain one" : "chain zero");
		write_file(paths[i][1], i ? "key one" : "key zero");
		sections[i] = (struct config_certificate){ .name = names[i], .chain = paths[i][0], .key = paths[i][1] };
	}
	config.certificate_count = PAIRS;
	asked = in_force = refused = 0;
	certificates_init(&certificates, NULL, &events, NULL);
	bool ok = certificates_open(&certificates, &config, &why);
	buf_free(&why);
	return ok ? 0 : -1;
}

static int
tear_down(void **unused)
{
	(void)unused;
	certificates_close(&certificates);
	own_folder_clear(&folder);
	return 0;
}

static void
say(size_t index, enum pair_verdict verdict)
{
	struct ipc_pair_say say = { .generation = certificates.generation,
		.index = (uint32_t)index,
		.verdict = (uint8_t)verdict,
		.expires = 4000000000u,
		.text = SPAN("it is odd") };

	if (verdict == PAIR_TAKEN)
		say.chain = index ? SPAN("der one") : SPAN("der zero");
	certificates_hear(&certificates, &say);
}

static void
expect_set(int fd, size_t count, const char *const *chains, const char *const *keys)
{
	struct certificate_set set;
	struct buf bytes;

	assert_true(certificate_set_load(fd, &bytes, &set));
	assert_int_equal(set.count, count);
	for (size_t i = 0; i < count; i++) {
		if (!span_equal(set.entries[i].chain, span_of(chains[i])))
			fail_msg("%zu: %.*s", i, SPAN_ARG(set.entries[i].chain));
		if (!span_equal(set.entries[i].key, span_of(keys[i])))
			fail_msg("%zu: %.*s", i, SPAN_ARG(set.entries[i].key));
	}
	/* Nobody can change what was handed out. */
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	buf_free(&bytes);
}

static const char *const chains[] = { "chain zero", "chain one" };
static const char *const keys[] = { "key zero", "key one" };
static const char *const ders[] = { "der zero", "der one" };
static const char *const none[] = { "", "" };

static void
all_are_taken(void)
{
	say(0, PAIR_TAKEN);
	say(1, PAIR_TAKEN);
	assert_int_equal(certificates.asked_fd, -1);
}

/* A change is taken when it has come to rest. */
static void
change_is_seen(void)
{
	unsigned before = asked;
	bool is_news = false;

	for (size_t i = 0; i < certificates.count; i++)
		assert_false(certificate_slot_look(&certificates.slots[i], 5000, false));
	for (size_t i = 0; i < certificates.count; i++)
		assert_false(certificate_slot_look(&certificates.slots[i], 5999, false));
	for (size_t i = 0; i < certificates.count; i++)
		is_news = certificate_slot_look(&certificates.slots[i], 6000, false) || is_news;
	assert_true(is_news);
	assert_int_equal(asked, before);
	certificates_set_config(&certificates, &config);
	assert_int_equal(asked, before + 1);
}

static void
keys_is_asked_and_smtpd_told(void **unused)
{
	(void)unused;
	assert_int_equal(asked, 1);
	expect_set(certificates.asked_fd, 2, chains, keys);
	say(0, PAIR_TAKEN);
	assert_int_equal(in_force, 0);
	assert_int_equal(certificates.chains_fd, -1);
	say(1, PAIR_TAKEN);
	assert_int_equal(in_force, 1);
	assert_int_equal(refused, 0);
	expect_set(certificates.pairs_fd, 2, chains, keys);
	expect_set(certificates.chains_fd, 2, ders, none);
}

static void
odd_answers_are_nobodys(void **unused)
{
	struct ipc_pair_say old = { .generation = certificates.generation - 1, .verdict = PAIR_TAKEN };

	(void)unused;
	certificates_hear(&certificates, &old);
	say(1, PAIR_TAKEN);
	say(7, PAIR_TAKEN);
	assert_int_equal(in_force, 0);
	say(0, PAIR_TAKEN);
	say(0, PAIR_TAKEN);
	assert_int_equal(in_force, 0);
	say(1, PAIR_TAKEN);
	assert_int_equal(in_force, 1);
	/* What keys says of the set in force after a restart. */
	say(0, PAIR_BAD_KEY);
	say(1, PAIR_BAD_KEY);
	assert_int_equal(in_force, 1);
	assert_int_equal(refused, 0);
}

static void
a_bad_new_pair_leaves_the_old(void **unused)
{
	(void)unused;
	all_are_taken();
	write_file(paths[1][0], "chain two");
	change_is_seen();
	expect_set(certificates.asked_fd, 2, (const char *const[]){ "chain zero", "chain two" }, keys);
	say(0, PAIR_TAKEN);
	say(1, PAIR_UNEQUAL);
	assert_int_equal(refused, 1);
	assert_int_equal(in_force, 1);
	expect_set(certificates.asked_fd, 2, chains, keys);
	all_are_taken();
	assert_int_equal(in_force, 2);
	expect_set(certificates.pairs_fd, 2, chains, keys);
}

static void
one_without_a_predecessor_is_left_out(void **unused)
{
	(void)unused;
	say(0, PAIR_BAD_CHAIN);
	say(1, PAIR_TAKEN);
	assert_int_equal(refused, 1);
	assert_int_equal(asked, 2);
	expect_set(certificates.asked_fd, 1, &chains[1], &keys[1]);
	say(0, PAIR_BAD_KEY);
	/* Nothing is left to ask about. */
	assert_int_equal(refused, 2);
	assert_int_equal(asked, 2);
	assert_int_equal(certificates.asked_fd, -1);
	assert_int_equal(certificates.chains_fd, -1);
	assert_int_equal(in_force, 0);
}

static void
a_restarted_keys_is_asked_again(void **unused)
{
	(void)unused;
	say(0, PAIR_TAKEN);
	certificates_ask_again(&certificates);
	assert_int_equal(asked, 2);
	all_are_taken();
	assert_int_equal(in_force, 1);
	certificates_ask_again(&certificates);
	assert_int_equal(asked, 2);
}

static void
a_section_with_other_files_falls_back(void **unused)
{
	static struct config_certificate other[PAIRS];
	static const struct config changed = { .certificates = other, .certificate_count = PAIRS };

	(void)unused;
	all_are_taken();
	other[0] = sections[1];
	other[0].key = paths[0][1];
	other[1] = sections[0];
	certificates_set_config(&certificates, &changed);
	expect_set(certificates.asked_fd, 2, (const char *const[]){ "chain one", "chain zero" },
	    (const char *const[]){ "key zero", "key zero" });
	say(0, PAIR_BAD_KEY);
	say(1, PAIR_TAKEN);
	expect_set(certificates.asked_fd, 2, (const char *const[]){ "chain one", "chain zero" },
	    (const char *const[]){ "key one", "key zero" });
	all_are_taken();
	assert_int_equal(certificates.slots[0].expires, 4000000000u);
}

/* One could be EC and the other RSA: the pair of the one is nothing for the other. */
static void
of_two_sections_of_a_name_none_falls_back(void **unused)
{
	static struct config_certificate other[PAIRS];
	static const struct config changed = { .certificates = other, .certificate_count = PAIRS };

	(void)unused;
	sections[1].name = sections[0].name;
	certificates_set_config(&certificates, &config);
	all_are_taken();
	memcpy(other, sections, sizeof other);
	other[1].key = paths[0][1];
	certificates_set_config(&certificates, &changed);
	say(0, PAIR_TAKEN);
	say(1, PAIR_BAD_KEY);
	expect_set(certificates.asked_fd, 1, chains, keys);
}

static void
a_section_less_is_a_new_set(void **unused)
{
	(void)unused;
	all_are_taken();
	config.certificate_count = 1;
	certificates_set_config(&certificates, &config);
	assert_int_equal(asked, 2);
	expect_set(certificates.asked_fd, 1, chains, keys);
	say(0, PAIR_TAKEN);
	expect_set(certificates.chains_fd, 1, ders, none);
}

static void
what_cannot_be_read_is_named(void **unused)
{
	struct buf why = BUF_LIMIT(1024);

	(void)unused;
	assert_true(certificates_readable(&config, &why));
	buf_reset(&why);
	assert_int_equal(unlink(paths[1][1]), 0);
	assert_false(certificates_readable(&config, &why));
	assert_non_null(strstr(buf_text(&why), "certificate mail.example.net: "));
	assert_non_null(strstr(buf_text(&why), "key1: No such file"));
	write_file(paths[1][1], "");
	buf_reset(&why);
	assert_false(certificates_readable(&config, &why));
	assert_non_null(strstr(buf_text(&why), "key1: it is empty"));
	buf_free(&why);
}

/* Two files, and two links of certbot's, change one after the other: between them they are nobody's pair. */
static void
a_change_is_read_when_it_rests(void **unused)
{
	struct certificate_slot *slot = &certificates.slots[0];

	(void)unused;
	all_are_taken();
	assert_false(certificate_slot_look(slot, 1000, false));
	write_file(paths[0][1], "another key");
	assert_false(certificate_slot_look(slot, 2000, false));
	write_file(paths[0][0], "another chain");
	assert_false(certificate_slot_look(slot, 3000, false));
	assert_true(certificate_slot_look(slot, 4000, false));
	assert_false(certificate_slot_look(slot, 5000, false));
	write_file(paths[0][1], "a third key");
	assert_true(certificate_slot_look(slot, 6000, true));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys_is_asked_and_smtpd_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(odd_answers_are_nobodys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_bad_new_pair_leaves_the_old, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_without_a_predecessor_is_left_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_restarted_keys_is_asked_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_section_with_other_files_falls_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(of_two_sections_of_a_name_none_falls_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_section_less_is_a_new_set, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_change_is_read_when_it_rests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_is_named, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
