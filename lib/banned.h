/* Functions that cannot be used safely are poisoned; every source file gets this header by -include.
 * On failure: the compiler names the line.
 */
#ifndef TIDEGATE_LIB_BANNED_H
#define TIDEGATE_LIB_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With clang, _FORTIFY_SOURCE makes macros of these, and it will not poison a macro. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat strtok strtok_r atoi atol gets

#endif
