/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contexts and the wall clock: what system calls and time namespaces call. Inert
 * without a context.
 *
 * The clock of a guest is that of the host and an offset, which belongs to its
 * time namespace, so that the vDSO finds it in the page that it reads anyway.
 */
#ifndef _LINUX_VSERVER_CLOCK_H
#define _LINUX_VSERVER_CLOCK_H

#include <linux/time.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/timex.h>
#include <linux/vserver.h>

#ifdef CONFIG_VSERVER_TIME

/* glue/clock.c */
s64 __vs_clock_offset(void);
int __vs_clock_set(const struct timespec64 *tv, const struct timezone *tz);
int __vs_clock_adjust(struct __kernel_timex *txc);
void __vs_clock_inherit(struct time_namespace *ns, const struct time_namespace *old);

/* What the clock of the current task is ahead of that of the host, nanoseconds. */
static inline s64 vs_clock_offset(void)
{
	return vs_enabled() ? __vs_clock_offset() : 0;
}

/**
 * vs_clock_set() - the current task sets the clock
 * @tv: to this time, or NULL.
 * @tz: and the time zone of the kernel to this, or NULL.
 *
 * Return: 1 when it is the clock of the host that is meant, whose rules apply then;
 * 0 when that of the guest is set; -EPERM, -EINVAL. May sleep.
 */
static inline int vs_clock_set(const struct timespec64 *tv, const struct timezone *tz)
{
	return vs_current_guest() ? __vs_clock_set(tv, tz) : 1;
}

/* do_adjtimex() as the current task is to see it. May sleep. */
static inline int vs_clock_adjust(struct __kernel_timex *txc)
{
	return vs_enabled() ? __vs_clock_adjust(txc) : do_adjtimex(txc);
}

/* Gives a new namespace the clock of @old. Nobody else sees @ns yet. */
static inline void vs_clock_inherit(struct time_namespace *ns,
				    const struct time_namespace *old)
{
	if (vs_enabled())
		__vs_clock_inherit(ns, old);
}

#else /* CONFIG_VSERVER_TIME */

static inline s64 vs_clock_offset(void)
{
	return 0;
}

static inline int vs_clock_set(const struct timespec64 *tv, const struct timezone *tz)
{
	return 1;
}

static inline int vs_clock_adjust(struct __kernel_timex *txc)
{
	return do_adjtimex(txc);
}

static inline void vs_clock_inherit(struct time_namespace *ns,
				    const struct time_namespace *old)
{
}

#endif /* CONFIG_VSERVER_TIME */

static inline bool vs_clock_of_day(clockid_t clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI:
		return true;
	default:
		return false;
	}
}

/* What @clock of the current task is ahead for that reason, nanoseconds. */
static inline s64 vs_clock_offset_of(clockid_t clock)
{
	return vs_clock_of_day(clock) ? vs_clock_offset() : 0;
}

/* Changes @ts from the time of the host to that of the current task. */
static inline void vs_clock_shift(struct timespec64 *ts)
{
	s64 offset = vs_clock_offset();

	if (offset)
		*ts = timespec64_add(*ts, ns_to_timespec64(offset));
}

/* The same for a reading of @clock without error, if it is one that tells the time of day. */
static inline void vs_clock_shown(int error, clockid_t clock, struct timespec64 *ts)
{
	if (!error && vs_clock_of_day(clock))
		vs_clock_shift(ts);
}

/* When a wait ends on the clock of the host; @of_day: until a time of day. */
static inline ktime_t vs_clock_expiry(ktime_t time, bool of_day)
{
	return of_day ? timens_ktime_to_host(CLOCK_REALTIME, time) : time;
}

/* ktime_get_real_ts64() as the current task is to see it. */
static inline void vs_clock_real_ts64(struct timespec64 *ts)
{
	ktime_get_real_ts64(ts);
	vs_clock_shift(ts);
}

/* ktime_get_real_seconds() as the current task is to see it. */
static inline time64_t vs_clock_real_seconds(void)
{
	struct timespec64 ts;

	if (!vs_clock_offset())
		return ktime_get_real_seconds();
	ktime_get_coarse_real_ts64(&ts);
	vs_clock_shift(&ts);
	return ts.tv_sec;
}

#endif /* _LINUX_VSERVER_CLOCK_H */
