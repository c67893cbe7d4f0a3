/* Tests that libspf2 and the second opinion agree, over many made-up worlds: each is a number, from which every answer
 * of its DNS follows. TIDEGATE_SPF_WORLDS=N tries more of them than an ordinary run does. */
#include "tests/unit/lookup/spf_second_opinion.h"
#include "tests/unit/lookup/spf_zone.h"

enum { WORLDS = 20000, TERMS_MAX = 12, RECORD_BYTES = 1024, HOSTS = 12 };

struct world {
	uint64_t seed;
	char texts[ZONE_RECORDS][RECORD_BYTES];
	struct dns_record records[ZONE_RECORDS];
};

/* splitmix64: good enough, and the same everywhere. */
static uint64_t
next_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

static unsigned
pick(uint64_t *seed, unsigned count)
{
	return (unsigned)(next_random(seed) % count);
}

static const char *
pick_text(uint64_t *seed, const char *const *texts, unsigned count)
{
	return texts[pick(seed, count)];
}

#define PICK(seed, ...)                                                                                                \
	pick_text(seed, (const char *const[]){ __VA_ARGS__ },                                                          \
	    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

/* A host of the world: "h7.test", or one that macros or bad luck make. */
static void
append_host(struct buf *text, uint64_t *seed)
{
	if (pick(seed, 12) == 0)
		buf_append_text(
		    text, PICK(seed, "%{d}", "%{o}", "%{h}", "%{l}.h1.test", "%{p}", "h..test", "%{d1r}.test"));
	else
		buf_printf(text, "h%u.test", pick(seed, HOSTS));
}

static void
append_term(struct buf *text, uint64_t *seed)
{
	static const char *const prefixes[] = { "", "", "", "/24", "//64", "/0", "/25//65", "//0", "/32//128" };

	buf_append_text(text, PICK(seed, "", "", "", "+", "-", "~", "?"));
	switch (pick(seed, 9)) {
	case 0:
		buf_printf(text, "ip4:192.0.%u.%u/%u", pick(seed, 4), pick(seed, 256), pick(seed, 33));
		break;
	case 1:
		buf_printf(text, "ip6:2001:db8:%u::%u/%u", pick(seed, 3), pick(seed, 3), pick(seed, 129));
		break;
	case 2:
		buf_append_text(text, PICK(seed, "a", "mx"));
		buf_append_text(text, pick_text(seed, prefixes, 9));
		break;
	case 3:
	case 4:
		buf_append_text(text, PICK(seed, "a:", "mx:"));
		append_host(text, seed);
		buf_append_text(text, pick_text(seed, prefixes, 9));
		break;
	case 5:
		buf_append_text(text, "exists:");
		append_host(text, seed);
		break;
	case 6:
		buf_append_text(text, PICK(seed, "ptr", "ptr:test", "ptr:h3.test"));
		break;
	default:
		buf_append_text(text, "include:");
		append_host(text, seed);
		break;
	}
}

static struct span
make_record(char text[static RECORD_BYTES], uint64_t *seed)
{
	struct buf record = BUF_LIMIT(RECORD_BYTES);
	const unsigned terms = pick(seed, TERMS_MAX);

	buf_append_text(&record, "v=spf1");
	for (unsigned i = 0; i < terms; i++) {
		buf_append_text(&record, PICK(seed, " ", " ", "  "));
		append_term(&record, seed);
	}
	if (pick(seed, 3) == 0) {
		buf_append_text(&record, " redirect=");
		append_host(&record, seed);
	}
	buf_append_text(&record, PICK(seed, "", " -all", " ~all", " ?all", " +all", " exp=h1.test -all", " x=y"));
	if (pick(seed, 40) == 0)
		buf_append_text(
		    &record, PICK(seed, " moo", " a:", " all/1", " redirect=h1.test redirect=h2.test", " ip4:1.2"));
	assert_true(buf_ok(&record));
	memcpy(text, record.data, record.length);
	const struct span made = { text, record.length };
	buf_free(&record);
	return made;
}

static struct dns_record
make_value(struct world *world, size_t index, enum dns_type type, uint64_t *seed)
{
	struct dns_record record = { .text = { world->texts[index], 0 } };
	int length = 0;

	switch (type) {
	case DNS_A:
		memcpy(record.ip, (uint8_t[]){ 192, 0, (uint8_t)pick(seed, 3), (uint8_t)pick(seed, 256) }, 4);
		break;
	case DNS_AAAA:
		memcpy(record.ip, (uint8_t[]){ 0x20, 0x01, 0x0d, 0xb8, 0, (uint8_t)pick(seed, 3) }, 6);
		record.ip[15] = (uint8_t)pick(seed, 3);
		break;
	case DNS_MX:
	case DNS_PTR:
		record.preference = (uint16_t)pick(seed, 3);
		length = snprintf(world->texts[index], RECORD_BYTES, "h%u.test", pick(seed, HOSTS));
		record.text.length = (size_t)length;
		break;
	case DNS_TXT:
		record.text = make_record(world->texts[index], seed);
		break;
	}
	return record;
}

/* The answer to a question in this world. */
static struct dns_answer
ask_world(struct world *world, enum dns_type type, struct span name)
{
	uint64_t seed = world->seed + (uint64_t)type * 1000003U;
	struct dns_answer answer = { .status = DNS_FOUND, .count = 1, .records = world->records };

	for (size_t i = 0; i < name.length; i++)
		seed = (seed ^ (uint8_t)span_lower(name.data[i])) * 0x100000001b3U;
	const unsigned luck = pick(&seed, 40);
	if (luck < 3) {
		const enum dns_status bad[] = { DNS_TROUBLE, DNS_NO_NAME, DNS_NO_DATA };
		return (struct dns_answer){ .status = bad[luck] };
	}
	if (type == DNS_MX || type == DNS_PTR)
		answer.count = 1 + pick(&seed, luck == 3 ? 12 : 3);
	if (type == DNS_A || type == DNS_AAAA)
		answer.count = 1 + pick(&seed, 4);
	if (type == DNS_TXT && luck == 3)
		answer.count = 2;
	for (size_t i = 0; i < answer.count; i++)
		world->records[i] = make_value(world, i, type, &seed);
	return answer;
}

static void
pin_wanted(struct world *world, struct replay *replay)
{
	const size_t count = replay_wanted_count(replay);

	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		enum dns_type type = DNS_TXT;
		struct span name = { 0 };

		replay_wanted(replay, 0, &type, &name);
		const struct dns_answer answer = ask_world(world, type, name);
		assert_true(replay_pin(replay, type, name, &answer));
	}
}

/* Both opinions on one client in one world. */
static enum spf_result
compare(struct world *world)
{
	uint64_t seed = ~world->seed;
	struct spf_question question = zone_question(&(struct spf_case){ .sender = "h1@h0.test", .helo = "h2.test" });
	struct spf_verdict verdict = zone_verdict();
	struct replay *replay = replay_new();
	unsigned rounds = 0;

	question.client = (struct peer_address){ .family = 4, .ip = { 192, 0, 2, (uint8_t)pick(&seed, 256) } };
	if (pick(&seed, 3) == 0)
		question.client = (struct peer_address){ .family = 6, .ip = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
	for (; !spf_check(&question, replay, &verdict); rounds++) {
		assert_true(rounds < ZONE_ROUNDS);
		pin_wanted(world, replay);
	}
	const enum spf_result other = second_opinion(&question, replay);
	if (verdict.result != other)
		fail_msg("world %llu: libspf2 says %s, the second opinion %s", (unsigned long long)world->seed,
		    spf_result_name(verdict.result), spf_result_name(other));
	const enum spf_result result = verdict.result;
	zone_verdict_free(&verdict);
	replay_free(replay);
	return result;
}

static void
test_both_agree(void **state)
{
	const char *wanted = getenv("TIDEGATE_SPF_WORLDS");
	const unsigned long worlds = wanted ? strtoul(wanted, NULL, 10) : WORLDS;
	unsigned long seen[SPF_RESULT_COUNT] = { 0 };
	static struct world world;

	(void)state;
	for (unsigned long i = 0; i < worlds; i++) {
		world.seed = i;
		seen[compare(&world)]++;
	}
	for (enum spf_result result = SPF_NONE; result < SPF_RESULT_COUNT; result++) {
		print_message("%10lu %s\n", seen[result], spf_result_name(result));
		assert_true(seen[result] > 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_both_agree) };

	return cmocka_run_group_tests(tests, zone_load, NULL);
}
