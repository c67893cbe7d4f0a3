/* The clocks of lib/clock.h.
 *
 * On failure: BUG; clock_gettime on these clocks has no error that can be met.
 */
#include "lib/clock.h"

#include <stdbool.h>
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

struct date {
	unsigned long long year;
	unsigned month; /* 0 is January */
	unsigned day;   /* of the month, from 1 */
	unsigned weekday;
	unsigned hour;
	unsigned minute;
	unsigned second;
};

static bool
is_leap(unsigned long long year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned
days_in_month(unsigned long long year, unsigned month)
{
	static const unsigned char days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month == 1 && is_leap(year) ? 29 : days[month];
}

/* The calendar by hand: gmtime_r() and strftime() look for /etc/localtime, even for UTC, and a process behind its
 * walls dies of that. */
static struct date
date_of(uint64_t wall_us)
{
	enum { DAY_SECONDS = 86400, DAYS_OF_400_YEARS = 146097, THURSDAY = 4 };
	uint64_t seconds = wall_us / 1000000u;
	unsigned second = (unsigned)(seconds % DAY_SECONDS);
	uint64_t day = seconds / DAY_SECONDS;
	struct date date = { .year = 1970 + day / DAYS_OF_400_YEARS * 400,
		.weekday = (unsigned)((day + THURSDAY) % 7),
		.hour = second / 3600,
		.minute = second / 60 % 60,
		.second = second % 60 };
	unsigned rest = (unsigned)(day % DAYS_OF_400_YEARS);

	for (unsigned days = 365; rest >= days; days = is_leap(date.year) ? 366 : 365) {
		rest -= days;
		date.year++;
	}
	while (rest >= days_in_month(date.year, date.month)) {
		rest -= days_in_month(date.year, date.month);
		date.month++;
	}
	date.day = rest + 1;
	return date;
}

void
clock_format_iso(uint64_t wall_us, char text[static CLOCK_ISO_SIZE])
{
	struct date utc = date_of(wall_us);

	(void)snprintf(text, CLOCK_ISO_SIZE, "%llu-%02u-%02uT%02u:%02u:%02u.%03uZ", utc.year, utc.month + 1, utc.day,
	    utc.hour, utc.minute, utc.second, (unsigned)(wall_us / 1000u % 1000u));
}

void
clock_format_mail(uint64_t wall_us, char text[static CLOCK_MAIL_SIZE])
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
		"Dec" };
	struct date utc = date_of(wall_us);

	(void)snprintf(text, CLOCK_MAIL_SIZE, "%s, %u %s %llu %02u:%02u:%02u +0000", days[utc.weekday], utc.day,
	    months[utc.month], utc.year, utc.hour, utc.minute, utc.second);
}
