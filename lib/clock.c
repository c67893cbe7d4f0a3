/* The clocks of lib/clock.h.
 *
 * On failure: BUG; clock_gettime on these clocks has no error that can be met.
 */
#include "lib/clock.h"

#include <stdio.h>
#include <time.h>

#include "lib/bug.h"

static uint64_t
read_us(clockid_t which)
{
	struct timespec now;

	if (clock_gettime(which, &now) != 0)
		BUG("clock_gettime failed");
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t
clock_monotonic_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000u;
}

uint64_t
clock_monotonic_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

uint64_t
clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

static struct tm
broken_down(uint64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / 1000000u);
	struct tm utc;

	if (!gmtime_r(&seconds, &utc))
		BUG("gmtime_r failed");
	return utc;
}

void
clock_format_iso(uint64_t wall_us, char text[static CLOCK_ISO_SIZE])
{
	struct tm utc = broken_down(wall_us);
	size_t length = strftime(text, CLOCK_ISO_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);

	(void)snprintf(text + length, CLOCK_ISO_SIZE - length, ".%03uZ", (unsigned)(wall_us / 1000u % 1000u));
}

void
clock_format_mail(uint64_t wall_us, char text[static CLOCK_MAIL_SIZE])
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
		"Dec" };
	struct tm utc = broken_down(wall_us);

	(void)snprintf(text, CLOCK_MAIL_SIZE, "%s, %d %s %d %02d:%02d:%02d +0000", days[utc.tm_wday], utc.tm_mday,
	    months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}
