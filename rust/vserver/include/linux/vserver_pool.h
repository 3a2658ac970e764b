/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The processor time of a context: its tokens, what each processor adds to them,
 * and what it has used there. What the Rust core sees of it.
 */
#ifndef _LINUX_VSERVER_POOL_H
#define _LINUX_VSERVER_POOL_H

#include <linux/types.h>

struct vs_ctx;

/**
 * struct vs_pool - the tokens of a context: processor time that it may use
 * @tokens: nanoseconds; below 0 a debt.
 * @part: fraction of a nanosecond that has been filled in, in 2^-32 ns.
 * @cpus: number of processors that @rate, @min and @max are the sums of.
 * @rate: nanoseconds that are filled in per nanosecond, in 2^-32.
 * @min: tokens with which a context on hold goes on, nanoseconds.
 * @max: tokens that it can have, nanoseconds.
 * @last: when tokens were filled in last, nanoseconds of the monotonic clock.
 * @idle_rate: as @rate, per nanosecond of idle time; 0 when there are none for it.
 * @idle_part: as @part, of these.
 * @idle_last: up to where idle time has been filled in.
 * @idle_now: idle time, see glue/idle.c. Set before the arithmetic.
 * @idle_wait: idle time after which the context goes on; 0 when it is not on hold,
 *	or not for that.
 * @correction: what the tokens add to the priority of tasks, in nice steps. Read
 *	without the lock.
 * @empty: the tokens have run out and have not reached @min since.
 * @held: the context is on hold. Read without the lock.
 *
 * The arithmetic is in pool.rs, the lock in struct vs_ctx.
 */
struct vs_pool {
	s64 tokens;
	u32 part;
	u32 cpus;
	u64 rate;
	s64 min;
	s64 max;
	u64 last;
	u64 idle_rate;
	u64 idle_last;
	u64 idle_now;
	u64 idle_wait;
	u32 idle_part;
	int correction;
	bool empty;
	bool held;
};

/**
 * struct vs_share - what a processor adds to the pool while it is online
 * @rate: as in struct vs_pool, at most 2^48.
 * @idle_rate: as there, at most 2^48.
 * @min: as there, at most 2^49.
 * @max: as there, at most 2^49.
 * @bias: what is added to the priority of tasks there, in nice steps.
 */
struct vs_share {
	u64 rate;
	u64 idle_rate;
	s64 min;
	s64 max;
	int bias;
};

/**
 * struct vs_times - what a context has done on a processor
 * @user: nanoseconds in user mode.
 * @system: nanoseconds in the kernel.
 * @hold: nanoseconds during which tasks were on hold there.
 *
 * None of them goes back.
 */
struct vs_times {
	u64 user;
	u64 system;
	u64 hold;
};

/* glue/cpu.c */
int vs_cpu_init(struct vs_ctx *ctx);
void vs_cpu_free(struct vs_ctx *ctx);
void vs_cpu_set_share(struct vs_ctx *ctx, u32 cpu, const struct vs_share *share);
void vs_cpu_times(struct vs_ctx *ctx, u32 cpu, struct vs_times *times);

/* glue/hold.c */
void vs_pool_read(struct vs_ctx *ctx, struct vs_pool *pool);
void vs_pool_refresh(struct vs_ctx *ctx, s64 more);

/* glue/bias.c */
void vs_bias_apply(struct vs_ctx *ctx);

#endif /* _LINUX_VSERVER_POOL_H */
