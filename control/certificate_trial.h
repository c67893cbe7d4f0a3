/* Whether the certificates of a configuration could come into force: a tidegate-keys that is started for it, behind its
 * walls, says of each pair what it would say to the server. Nothing in force is touched.
 *
 * Trust: the files may be anything; keys reads them, here they are only copied.
 * On failure: false, and on standard error a sentence for each pair, or one that says why they could not be tried.
 */
#ifndef TIDEGATE_CONTROL_CERTIFICATE_TRIAL_H
#define TIDEGATE_CONTROL_CERTIFICATE_TRIAL_H

#include <stdbool.h>

#include "conf/config.h"

/* For this command, in whose name it speaks. True also when none is configured: one is made then. */
bool certificate_trial(const struct config *config, const char *command);

#endif
