/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VSERVER_GLUE_CPU_H
#define _VSERVER_GLUE_CPU_H

#include <linux/sched.h>
#include <linux/u64_stats_sync.h>
#include <linux/vserver.h>

/**
 * struct vs_cpu - a context on one processor
 * @pending: nanoseconds that tasks have run and the pool has not seen. Under the
 *	rq lock of the processor.
 * @run: nanoseconds that tasks have run. Written under the same lock.
 * @run_sync: for 32-bit readers of @run.
 * @user: ticks in user mode, nanoseconds. Written there with interrupts off.
 * @system: ticks in the kernel, the same.
 * @tick_sync: for 32-bit readers of both.
 * @told: user and system time that somebody was told, so that none goes back.
 * @holders: tasks that were there when they were put on hold. This and the rest
 *	under the pool lock.
 * @since: when the first of them was.
 * @hold: nanoseconds of earlier holds.
 * @forks: threads that were started there; wraps around. Written there.
 * @share: settings; the bias is read without a lock.
 */
struct vs_cpu {
	u64 pending;
	u64_stats_t run;
	struct u64_stats_sync run_sync;
	u64_stats_t user;
	u64_stats_t system;
	struct u64_stats_sync tick_sync;
	struct prev_cputime told;
	u32 holders;
	u64 since;
	u64 hold;
	u32 forks;
	struct vs_share share;
};

/* hold.c */
void vs_pool_charge(struct vs_ctx *ctx, u64 ns);
void vs_hold_init(struct vs_task *vs);
void vs_hold_soon(struct task_struct *p);
int vs_hold_fork(const struct task_struct *child);

u64 vs_pool_until(struct vs_ctx *ctx, u64 ns);

/* idle.c */
u64 vs_idle_clock(void);
void vs_idle_wait(struct vs_ctx *ctx, bool *waits);
void vs_idle_done(struct vs_ctx *ctx, bool *waits);

/* bias.c */
void vs_bias_current(void);
void vs_bias_follow(struct vs_ctx *ctx);

#endif /* _VSERVER_GLUE_CPU_H */
