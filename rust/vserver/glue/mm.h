/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VSERVER_GLUE_MM_H
#define _VSERVER_GLUE_MM_H

#include <linux/vserver.h>

/* More than anybody may have of what nobody has counted yet. */
#define VS_MM_UNKNOWN	(S64_MAX / 2)

/* Is added up by glue/mm.c. */
static inline bool vs_mm_sums(u32 resource)
{
	return resource == VS_ADDRESS_SPACE || resource == VS_LOCKED_PAGES;
}

/* The limit was changed: who asks next counts. */
static inline void vs_mm_forget(struct vs_limit *limit, u32 resource)
{
	if (vs_mm_sums(resource))
		atomic64_set(&limit->value, VS_MM_UNKNOWN);
}

void vs_mm_count(struct vs_ctx *ctx);
int vs_mm_fork(u64 clone_flags);

#endif /* _VSERVER_GLUE_MM_H */
