// SPDX-License-Identifier: GPL-2.0
/*
 * Address space and locked memory of a context (semantics.md, section 10).
 *
 * Both change in many places, and each process knows its own part. So what a context
 * has is added up over its processes, and seldom: who asks for more adds it to the
 * last sum, which is then no less than what there is, as what goes is not taken off.
 * Only when that seems to be too much is the sum made anew.
 *
 * What is granted is there a little later. Who counts in between does not see it, so
 * there may be one request too many for each task that is about one at that moment.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/oom.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/secretmem.h>
#include <linux/vserver_limit.h>
#include <linux/vserver_mm.h>

#include "../../../mm/internal.h"
#include "mm.h"

/* Pages that processes have. */
struct vs_pages {
	s64 mapped;
	s64 locked;
};

/*
 * The parent counts the same memory, as after vfork(2). What processes share that are
 * no parent and child counts for each of them. Caller holds RCU.
 */
static bool vs_mm_is_parents(const struct vs_ctx *ctx, const struct task_struct *task,
			     const struct mm_struct *mm)
{
	const struct task_struct *parent = rcu_dereference(task->real_parent)->group_leader;

	return READ_ONCE(parent->mm) == mm && READ_ONCE(parent->vs.ctx) == ctx;
}

static struct vs_pages vs_mm_sum(const struct vs_ctx *ctx)
{
	struct vs_pages sum = {};
	struct task_struct *task, *thread;

	guard(rcu)();
	for_each_process(task) {
		if (READ_ONCE(task->vs.ctx) != ctx)
			continue;
		thread = find_lock_task_mm(task);
		if (!thread)
			continue;
		if (!vs_mm_is_parents(ctx, task, thread->mm)) {
			sum.mapped += READ_ONCE(thread->mm->total_vm);
			sum.locked += READ_ONCE(thread->mm->locked_vm);
		}
		task_unlock(thread);
	}
	return sum;
}

/* What was granted since @before was read may be in the sum, or not yet. */
static void vs_mm_correct(struct vs_limit *limit, s64 before, s64 sum)
{
	atomic64_add(sum - before, &limit->value);
	vs_limit_raise(limit, sum);
	vs_limit_lower(limit, sum);
}

/* Adds up what a context has. Caller holds ctx->counting. */
void vs_mm_count(struct vs_ctx *ctx)
{
	struct vs_limit *space = &ctx->limits[VS_ADDRESS_SPACE];
	struct vs_limit *locked = &ctx->limits[VS_LOCKED_PAGES];
	s64 before_space = atomic64_read(&space->value);
	s64 before_locked = atomic64_read(&locked->value);
	struct vs_pages sum = vs_mm_sum(ctx);

	vs_mm_correct(space, before_space, sum.mapped);
	vs_mm_correct(locked, before_locked, sum.locked);
}

/* Adds @pages, if they may be had by what is known. */
static bool vs_mm_take(struct vs_limit *limit, s64 pages, s64 *value)
{
	s64 ceiling = atomic64_read(&limit->ceiling);

	*value = atomic64_read(&limit->value);
	do {
		if (*value > ceiling || pages > ceiling - *value)
			return false;
	} while (!atomic64_try_cmpxchg(&limit->value, value, *value + pages));
	return true;
}

/* May sleep. */
static bool vs_mm_allowed(struct vs_ctx *ctx, enum vs_resource resource,
			  unsigned long pages)
{
	struct vs_limit *limit = &ctx->limits[resource];
	s64 value;

	if (atomic64_read(&limit->ceiling) == S64_MAX || !pages)
		return true;
	if (vs_mm_take(limit, pages, &value))
		return true;
	guard(mutex)(&ctx->counting);
	vs_mm_count(ctx);
	if (vs_mm_take(limit, pages, &value))
		return true;
	vs_limit_hit(ctx, resource, value);
	return false;
}

bool __vs_may_expand(unsigned long pages)
{
	struct vs_ctx *ctx = vs_current_ctx();

	return !ctx || vs_mm_allowed(ctx, VS_ADDRESS_SPACE, pages);
}

bool __vs_may_lock(unsigned long pages)
{
	struct vs_ctx *ctx = vs_current_ctx();

	return !ctx || vs_mm_allowed(ctx, VS_LOCKED_PAGES, pages);
}

/* Pages of a range that mlock(2) would lock and that are not locked yet. */
static unsigned long vs_mm_unlocked(unsigned long start, unsigned long end)
{
	VMA_ITERATOR(vmi, current->mm, start);
	struct vm_area_struct *vma;
	unsigned long bytes = 0;

	for_each_vma_range(vmi, vma, end) {
		if (vma_test(vma, VMA_LOCKED_BIT) || vma_is_secretmem(vma) ||
		    !vma_supports_mlock(vma))
			continue;
		bytes += min(end, vma->vm_end) - max(start, vma->vm_start);
	}
	return bytes >> PAGE_SHIFT;
}

int __vs_mlock_refused(unsigned long start, unsigned long end)
{
	struct vs_ctx *ctx = vs_current_ctx();

	if (!ctx || atomic64_read(&ctx->limits[VS_LOCKED_PAGES].ceiling) == S64_MAX)
		return 0;
	return vs_mm_allowed(ctx, VS_LOCKED_PAGES, vs_mm_unlocked(start, end)) ?
		0 : -ENOMEM;
}

/**
 * vs_mm_fork() - may the current task have a copy of its memory?
 * @clone_flags: CLONE_*.
 *
 * Locks are not inherited. May sleep.
 *
 * Return: 0 or -ENOMEM.
 */
int vs_mm_fork(u64 clone_flags)
{
	struct vs_ctx *ctx = vs_current_ctx();

	if (!ctx || !current->mm || (clone_flags & CLONE_VM))
		return 0;
	return vs_mm_allowed(ctx, VS_ADDRESS_SPACE, READ_ONCE(current->mm->total_vm)) ?
		0 : -ENOMEM;
}
