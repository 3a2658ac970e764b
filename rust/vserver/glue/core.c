// SPDX-License-Identifier: GPL-2.0
/*
 * Inline functions and macros that the Rust core needs as functions.
 */
#include <linux/cpumask.h>
#include <linux/math64.h>
#include <linux/sched/signal.h>
#include <linux/vserver.h>

u32 vs_core_references(const struct vs_object *obj)
{
	return refcount_read(&obj->refs);
}
EXPORT_SYMBOL_GPL(vs_core_references);

bool vs_core_sealed(void)
{
	return vs_current_sealed();
}
EXPORT_SYMBOL_GPL(vs_core_sealed);

u32 vs_core_xid(void)
{
	return current->vs.xid;
}
EXPORT_SYMBOL_GPL(vs_core_xid);

u32 vs_core_nid(void)
{
	return current->vs.nid;
}
EXPORT_SYMBOL_GPL(vs_core_nid);

bool vs_core_online(unsigned int cpu)
{
	return cpu_online(cpu);
}
EXPORT_SYMBOL_GPL(vs_core_online);

u64 vs_core_split_ns(u64 ns, u32 *hundredths)
{
	u32 rest;
	u64 seconds = div_u64_rem(ns, NSEC_PER_SEC, &rest);

	*hundredths = rest / (NSEC_PER_SEC / 100);
	return seconds;
}
EXPORT_SYMBOL_GPL(vs_core_split_ns);

/* @a * @b / @by, rounded down or up; the caller knows that it fits. */
u64 vs_core_mul_div(u64 a, u64 b, u64 by, bool up)
{
	return up ? mul_u64_u64_div_u64_roundup(a, b, by) :
		    mul_u64_u64_div_u64(a, b, by);
}
EXPORT_SYMBOL_GPL(vs_core_mul_div);

bool vs_core_valid_signal(unsigned long sig)
{
	return valid_signal(sig);
}
EXPORT_SYMBOL_GPL(vs_core_valid_signal);
