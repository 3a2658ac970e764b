/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VSERVER_GLUE_CRED_H
#define _VSERVER_GLUE_CRED_H

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/vserver.h>

/*
 * Linux capabilities that the tasks of a sealed context may use. Old tools name the lower
 * 32 only, and what they store for the upper ones is the sign of the lower word: beside
 * lower ones of which some are missing, all upper ones mean none. Whoever wants some names
 * them.
 */
static inline u64 vs_ctx_caps(const struct vs_ctx *ctx)
{
	u64 caps = atomic64_read(&ctx->bcaps);

	if (upper_32_bits(caps) == U32_MAX && lower_32_bits(caps) != U32_MAX)
		caps = lower_32_bits(caps);
	return caps & CAP_VALID_MASK;
}

/* The bit in vs_cred.masked for @cap; 0 for what nothing gives back. */
static inline u8 vs_masked_bit(int cap)
{
	switch (cap) {
	case CAP_SYS_ADMIN:
		return BIT(0);
	case CAP_SYS_RESOURCE:
		return BIT(1);
	case CAP_SYSLOG:
		return BIT(2);
	case CAP_AUDIT_CONTROL:
		return BIT(3);
	default:
		return 0;
	}
}

/*
 * Reduces all sets of @new to the mask of @ctx. Needed beside the capable hook:
 * commoncap reads the sets directly in places, and /proc shows them. What goes
 * from the bounding set is remembered, see struct vs_cred.
 */
static inline void vs_cred_trim(struct cred *new, const struct vs_ctx *ctx)
{
	u64 mask = vs_ctx_caps(ctx);

	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (cap_raised(new->cap_bset, cap) && !(mask & BIT_ULL(cap)))
			new->vs.masked |= vs_masked_bit(cap);
	new->cap_inheritable.val &= mask;
	new->cap_permitted.val &= mask;
	new->cap_effective.val &= mask;
	new->cap_bset.val &= mask;
	new->cap_ambient.val &= mask;
}

#endif /* _VSERVER_GLUE_CRED_H */
