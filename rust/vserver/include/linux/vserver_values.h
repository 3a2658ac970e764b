/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine as a guest sees it: load, memory, processors, uptime. What the
 * Rust core computes of it.
 */
#ifndef _LINUX_VSERVER_VALUES_H
#define _LINUX_VSERVER_VALUES_H

#include <linux/types.h>

struct cpumask;
struct vs_ctx;

/**
 * struct vs_load - what the tasks of a context are about
 * @average: load of 1, 5 and 15 minutes, in 2^-32.
 * @last: when it was computed, nanoseconds of the monotonic clock; 0 for never.
 * @updates: how often it was.
 * @running: threads that can run.
 * @unint: threads in uninterruptible sleep.
 * @iowait: threads that wait for a disk, most of them among @unint.
 */
struct vs_load {
	u64 average[3];
	u64 last;
	u32 updates;
	u32 running;
	u32 unint;
	u32 iowait;
};

/**
 * struct vs_values - what a context keeps for the values that its tasks see
 * @load: as computed last; under the lock of glue/load.c.
 * @found: threads that the count that goes on has found so far; under it too.
 * @started: when the context was made, nanoseconds of the boot time clock.
 * @idle: how long all processors had been idle by then, nanoseconds.
 * @clock: what its clock is ahead of that of the host, nanoseconds, as one of its
 *	tasks has set it last.
 */
struct vs_values {
	struct vs_load load;
	struct vs_load found;
	u64 started;
	u64 idle;
	atomic64_t clock;
};

/**
 * struct vs_memory - memory and swap of a guest, in pages
 * @host: memory of the machine.
 * @limit: lowest limit of the control group and those around it, U64_MAX without.
 * @room: what the fullest of them leaves.
 * @cache: what could be taken back: files and slabs.
 * @host_swap: swap of the machine.
 * @swap_limit: as @limit, for swap.
 * @swap_room: as @room, for swap.
 * @total: result of the core, like what follows.
 * @free: not used at all.
 * @available: what a program could have without swapping.
 * @swap_total: swap.
 * @swap_free: the part of it that is free.
 */
struct vs_memory {
	u64 host;
	u64 limit;
	u64 room;
	u64 cache;
	u64 host_swap;
	u64 swap_limit;
	u64 swap_room;
	u64 total;
	u64 free;
	u64 available;
	u64 swap_total;
	u64 swap_free;
};

/* glue/load.c */
void vs_values_init(struct vs_ctx *ctx);
void vs_load_read(struct vs_ctx *ctx, struct vs_load *load);
u32 vs_forks(const struct vs_ctx *ctx);
u32 vs_holders(struct vs_ctx *ctx);

/* glue/values.c */
bool vs_cpus_have(const struct cpumask *cpus, u32 cpu);

#endif /* _LINUX_VSERVER_VALUES_H */
