// SPDX-License-Identifier: GPL-2.0
/*
 * The wall clock of a guest (semantics.md, section 12).
 *
 * Its offset stands in the page of its time namespace that the vDSO reads, and
 * nowhere else: a program gets the same time whichever way it asks. The vDSO has no
 * lock for it; who reads while the clock is being set may find the seconds of one
 * time with the fraction of the other.
 *
 * Not the clock of a guest: times of files and of packets, which are the host's.
 */
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/seqlock.h>
#include <linux/vserver_clock.h>
#include <vdso/datapage.h>

#include "cred.h"
#include "values.h"

/* Clocks that tell the time of day and that the vDSO has. */
static const clockid_t vs_clocks[] = {
	CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_TAI,
};

/* For the readers in the kernel, some of whom hold locks that interrupts take too. */
static DEFINE_SEQLOCK(vs_clock_lock);

/* Offsets in the page of a namespace, which is not that of the host. */
static struct timens_offset *vs_clock_page(const struct time_namespace *ns, int base)
{
	struct vdso_time_data *data = page_address(ns->vvar_page);

	return data->clock_data[base].offset;
}

static s64 vs_clock_read(const struct time_namespace *ns)
{
	const struct timens_offset *offset;
	unsigned int seq;
	s64 ns_total;

	if (ns == &init_time_ns)
		return 0;
	offset = vs_clock_page(ns, CS_HRES_COARSE) + CLOCK_REALTIME;
	do {
		seq = read_seqbegin(&vs_clock_lock);
		ns_total = offset->sec * NSEC_PER_SEC + offset->nsec;
	} while (read_seqretry(&vs_clock_lock, seq));
	return ns_total;
}

static void vs_clock_write(const struct time_namespace *ns, s64 ns_total)
{
	struct timespec64 offset = ns_to_timespec64(ns_total);
	unsigned long flags;

	write_seqlock_irqsave(&vs_clock_lock, flags);
	for (int base = 0; base < CS_BASES; base++) {
		struct timens_offset *of = vs_clock_page(ns, base);

		for (int i = 0; i < ARRAY_SIZE(vs_clocks); i++) {
			WRITE_ONCE(of[vs_clocks[i]].sec, offset.tv_sec);
			WRITE_ONCE(of[vs_clocks[i]].nsec, offset.tv_nsec);
		}
	}
	write_sequnlock_irqrestore(&vs_clock_lock, flags);
}

s64 __vs_clock_offset(void)
{
	return vs_clock_read(current->nsproxy->time_ns);
}

/*
 * The capability says so, which is good for nothing else in such a context. A
 * user namespace gives no right to it.
 */
static bool vs_clock_allowed(const struct vs_ctx *ctx)
{
	if (current_user_ns() != &init_user_ns ||
	    !cap_raised(current_cred()->cap_effective, CAP_SYS_TIME))
		return false;
	return !vs_ctx_sealed(ctx) || (vs_ctx_caps(ctx) & BIT_ULL(CAP_SYS_TIME));
}

/* For a task in a context; -EPERM too where the namespace is that of the host. */
int __vs_clock_set(const struct timespec64 *tv, const struct timezone *tz)
{
	const struct time_namespace *ns = current->nsproxy->time_ns;
	struct vs_ctx *ctx = vs_virtual(VS_FLAG_VIRT_TIME);
	struct timespec64 offset;
	s64 ns_total;

	if (!ctx)
		return 1;
	if (!vs_clock_allowed(ctx) || tz || ns == &init_time_ns)
		return -EPERM;
	if (!tv)
		return 0;
	if (!timespec64_valid_settod(tv))
		return -EINVAL;
	offset = timespec64_sub(*tv, ktime_to_timespec64(ktime_get_real()));
	ns_total = timespec64_to_ns(&offset);
	vs_clock_write(ns, ns_total);
	atomic64_set(&ctx->values.clock, ns_total);
	return 0;
}

int __vs_clock_adjust(struct __kernel_timex *txc)
{
	int ret = do_adjtimex(txc);
	s64 offset = vs_clock_offset();
	u32 fraction = txc->status & STA_NANO ? 1 : NSEC_PER_USEC;
	struct timespec64 ts;

	if (ret < 0 || !offset)
		return ret;
	ts.tv_sec = txc->time.tv_sec;
	ts.tv_nsec = txc->time.tv_usec * fraction;
	ts = timespec64_add(ts, ns_to_timespec64(offset));
	txc->time.tv_sec = ts.tv_sec;
	txc->time.tv_usec = ts.tv_nsec / fraction;
	return ret;
}

void __vs_clock_inherit(struct time_namespace *ns, const struct time_namespace *old)
{
	vs_clock_write(ns, vs_clock_read(old));
}
