/* lib/network_key: what counts as one address and as one network, to the bit.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/network_key.h"

static struct peer_address
peer(const char *ip)
{
	struct peer_address found;

	assert_true(peer_parse_ip(span_of(ip), &found));
	return found;
}

static void
a_network_is_a_24_or_a_64(void **unused)
{
	static const struct {
		const char *one, *other;
		bool is_same;
	} cases[] = {
		{ "192.0.2.0", "192.0.2.255", true },
		{ "192.0.2.255", "192.0.3.0", false },
		{ "192.0.2.1", "192.0.3.1", false },
		{ "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", true },
		{ "2001:db8::1", "2001:db8:0:0:8000::1", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "0.0.0.1", "::1", false },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct peer_address one = peer(cases[i].one);
		struct peer_address other = peer(cases[i].other);
		struct network_key keys[2] = { network_key_of_network(&one), network_key_of_network(&other) };

		if (network_key_equal(&keys[0], &keys[1]) != cases[i].is_same)
			fail_msg("%s and %s", cases[i].one, cases[i].other);
	}
}

/* Its last bit tells one address from the next; its port does not, nor is it the network that it begins. */
static void
an_address_is_all_of_its_bits(void **unused)
{
	static const char *const neighbours[][2] = { { "192.0.2.0", "192.0.2.1" }, { "2001:db8::", "2001:db8::1" } };

	(void)unused;
	for (size_t i = 0; i < sizeof neighbours / sizeof neighbours[0]; i++) {
		struct peer_address one = peer(neighbours[i][0]);
		struct peer_address other = peer(neighbours[i][1]);
		struct network_key address = network_key_of_address(&one);
		struct network_key next = network_key_of_address(&other);
		struct network_key network = network_key_of_network(&one);

		assert_false(network_key_equal(&address, &next));
		assert_false(network_key_equal(&address, &network));
		one.port = 4711;
		next = network_key_of_address(&one);
		assert_true(network_key_equal(&address, &next));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_is_a_24_or_a_64),
		cmocka_unit_test(an_address_is_all_of_its_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
