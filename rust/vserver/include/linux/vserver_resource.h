/* SPDX-License-Identifier: GPL-2.0 */
/* What a context has of each resource. What counts it is in vserver_limit.h. */
#ifndef _LINUX_VSERVER_RESOURCE_H
#define _LINUX_VSERVER_RESOURCE_H

#include <linux/types.h>

/* What is counted and may have a limit, in the order of Counted in limit.rs. */
enum vs_resource {
	VS_THREADS,
	VS_FILES,
	VS_SOCKETS,
	VS_SHM_PAGES,
	VS_SEM_ARRAYS,
	VS_SEMAPHORES,
	VS_LOCKS,
	VS_MSG_BYTES,
	VS_DESCRIPTORS,
	VS_ADDRESS_SPACE,
	VS_LOCKED_PAGES,
	VS_RESOURCES,
};

/**
 * struct vs_limit - use and limit of one resource
 * @ceiling: what may be had; S64_MAX for no limit.
 * @value: what there is; of pages, no less than that, see glue/mm.c.
 * @mark: the lower one of @ceiling and @maximum: what is above needs a closer look.
 *	Written under vs_limit_lock, as those two.
 * @minimum: lowest @value since the last reset, but for the present one.
 * @maximum: highest one.
 * @hits: requests that were refused.
 * @told: jiffies when the log was last told of a hit; 0 for never.
 */
struct vs_limit {
	atomic64_t ceiling;
	atomic64_t value;
	atomic64_t mark;
	atomic64_t minimum;
	atomic64_t maximum;
	atomic64_t hits;
	unsigned long told;
};

#endif /* _LINUX_VSERVER_RESOURCE_H */
