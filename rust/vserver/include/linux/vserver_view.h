/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contexts and the machine as their tasks see it: what system calls and opening
 * call. Inert without a context.
 */
#ifndef _LINUX_VSERVER_VIEW_H
#define _LINUX_VSERVER_VIEW_H

#include <linux/fs.h>
#include <linux/vserver.h>

struct sysinfo;

#ifdef CONFIG_VSERVER

/* glue/device.c */
int __vs_open_path(const struct path *path, struct file *file);

/* glue/values.c */
void __vs_sysinfo(struct sysinfo *info);
u64 __vs_start_time(u64 ns);

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
 * vs_open_path() - open what a node stands for in the context of the current task
 * @path: what was looked up, with an inode.
 * @file: to be opened; its mode is that of the caller.
 *
 * Device nodes stand for devices of the context. Files that are to be written to
 * may be variables of the kernel that are not the guest's.
 *
 * Return: 1 when @path stands for itself; 0 when @file is open; an error. May sleep.
 */
static inline int vs_open_path(const struct path *path, struct file *file)
{
	if (!vs_enabled())
		return 1;
	if (!d_is_special(path->dentry) && !(file->f_mode & FMODE_WRITE))
		return 1;
	return vs_current_guest() ? __vs_open_path(path, file) : 1;
}

#else /* CONFIG_VSERVER */

static inline int vs_open_path(const struct path *path, struct file *file)
{
	return 1;
}

static inline void vs_sysinfo(struct sysinfo *info) { }

static inline u64 vs_start_time(u64 ns)
{
	return ns;
}

#endif /* CONFIG_VSERVER */

#endif /* _LINUX_VSERVER_VIEW_H */
