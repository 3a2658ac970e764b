// SPDX-License-Identifier: GPL-2.0
/*
 * Inline functions that the Rust core needs as symbols. Included by
 * rust/helpers/helpers.c.
 */
#include <linux/cpumask.h>
#include <linux/math64.h>
#include <linux/sched/signal.h>
#include <linux/vserver.h>

#ifdef CONFIG_VSERVER
__rust_helper u32 rust_helper_vs_object_references(const struct vs_object *obj)
{
	return refcount_read(&obj->refs);
}

__rust_helper bool rust_helper_vs_current_sealed(void)
{
	return vs_current_sealed();
}

__rust_helper u32 rust_helper_vs_current_xid(void)
{
	return current->vs.xid;
}

__rust_helper u32 rust_helper_vs_current_nid(void)
{
	return current->vs.nid;
}

__rust_helper bool rust_helper_vs_cpu_online(unsigned int cpu)
{
	return cpu_online(cpu);
}

__rust_helper u64 rust_helper_vs_split_ns(u64 ns, u32 *hundredths)
{
	u32 rest;
	u64 seconds = div_u64_rem(ns, NSEC_PER_SEC, &rest);

	*hundredths = rest / (NSEC_PER_SEC / 100);
	return seconds;
}

/* @a * @b / @by, rounded down or up; the caller knows that it fits. */
__rust_helper u64 rust_helper_vs_mul_div(u64 a, u64 b, u64 by, bool up)
{
	return up ? mul_u64_u64_div_u64_roundup(a, b, by) :
		    mul_u64_u64_div_u64(a, b, by);
}

__rust_helper bool rust_helper_vs_valid_signal(unsigned long sig)
{
	return valid_signal(sig);
}
#endif
