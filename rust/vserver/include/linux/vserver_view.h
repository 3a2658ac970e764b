/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contexts and the machine as their tasks see it: what system calls and sysfs
 * call. Inert without a context.
 */
#ifndef _LINUX_VSERVER_VIEW_H
#define _LINUX_VSERVER_VIEW_H

#include <linux/vserver.h>

struct cpumask;
struct sysinfo;

#ifdef CONFIG_VSERVER

/* glue/values.c */
void __vs_sysinfo(struct sysinfo *info);
u64 __vs_start_time(u64 ns);
ssize_t __vs_emit_cpus(char *buf, const struct cpumask *map);

/* Replaces what sysinfo(2) tells of the machine by what it tells of the guest. */
static inline void vs_sysinfo(struct sysinfo *info)
{
	if (vs_current_guest())
		__vs_sysinfo(info);
}

/* When a task started, as the current task counts; nanoseconds of boot time. */
static inline u64 vs_start_time(u64 ns)
{
	return vs_current_guest() ? __vs_start_time(ns) : ns;
}

/**
 * vs_emit_cpus() - processors of the guest for a file of sysfs
 * @buf: the page of the file.
 * @map: processors that the file is about.
 *
 * Return: the length; 0 when the file shows @map itself; -ENOMEM. May sleep.
 */
static inline ssize_t vs_emit_cpus(char *buf, const struct cpumask *map)
{
	return vs_current_guest() ? __vs_emit_cpus(buf, map) : 0;
}

#else /* CONFIG_VSERVER */

static inline void vs_sysinfo(struct sysinfo *info) { }

static inline u64 vs_start_time(u64 ns)
{
	return ns;
}

static inline ssize_t vs_emit_cpus(char *buf, const struct cpumask *map)
{
	return 0;
}

#endif /* CONFIG_VSERVER */

#endif /* _LINUX_VSERVER_VIEW_H */
