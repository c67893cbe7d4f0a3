/* tidegate-dns: see lookup/dns.h.
 *
 * On failure: see lib/child.h.
 */
#include "lookup/dns.h"

int
main(int argc, char **argv)
{
	return child_main(argc, argv, &dns_program);
}
