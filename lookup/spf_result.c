/* The names of lookup/spf_result.h.
 * On failure: "unknown".
 */
#include "lookup/spf_result.h"

const char *
spf_result_name(enum spf_result result)
{
	static const char *const names[SPF_RESULT_COUNT] = {
		[SPF_NONE] = "none",
		[SPF_NEUTRAL] = "neutral",
		[SPF_PASS] = "pass",
		[SPF_FAIL] = "fail",
		[SPF_SOFTFAIL] = "softfail",
		[SPF_TEMPERROR] = "temperror",
		[SPF_PERMERROR] = "permerror",
	};

	return result < SPF_RESULT_COUNT ? names[result] : "unknown";
}

const char *
iprev_result_name(enum iprev_result result)
{
	switch (result) {
	case IPREV_CONFIRMED:
		return "confirmed";
	case IPREV_NONE:
		return "none";
	case IPREV_MISMATCH:
		return "mismatch";
	case IPREV_TROUBLE:
		return "trouble";
	case IPREV_UNKNOWN:
		break;
	}
	return "unknown";
}
