/* The compiled users: opened, checked, looked up by tidegate-auth.
 *
 * Trust: the file is root's, but may be truncated, damaged, or no users map at all: all of it is checked.
 * On failure: users_open says why; a broken record is USERS_BROKEN, never another user's hash.
 */
#ifndef TIDEGATE_LOOKUP_USERS_MAP_H
#define TIDEGATE_LOOKUP_USERS_MAP_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/span.h"

struct users_map;

enum users_find_result { USERS_FOUND, USERS_NOT_FOUND, USERS_BROKEN };

/* Takes fd (closes it, also on failure) and maps it read-only. NULL: why says in a few words what is wrong. */
struct users_map *users_open(int fd, struct buf *why);
/* By canonical address. hash points into the map. */
enum users_find_result users_find(const struct users_map *users, struct span address, struct span *hash);
/* A hash that takes as much work as most of the users' do, for those who are not there; empty when nobody is. */
struct span users_stand_in(const struct users_map *users);
uint64_t users_count(const struct users_map *users);
void users_close(struct users_map *users);

#endif
