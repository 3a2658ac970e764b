/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contexts and address space: what those who map and lock pages call. Inert without
 * a context.
 */
#ifndef _LINUX_VSERVER_MM_H
#define _LINUX_VSERVER_MM_H

#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/vserver.h>

#ifdef CONFIG_VSERVER

bool __vs_may_expand(unsigned long pages);
bool __vs_may_lock(unsigned long pages);
int __vs_mlock_refused(unsigned long start, unsigned long end);

/**
 * vs_may_expand() - may the context of the current task map so many pages more?
 * @pages: how many.
 *
 * A refusal is a hit. mprotect(2) asks twice for pages that there are already, to
 * compare, and may count as two. Caller holds mmap_lock for writing. May sleep.
 */
static inline bool vs_may_expand(unsigned long pages)
{
	return !vs_enabled() || __vs_may_expand(pages);
}

/**
 * vs_may_lock() - may the context of the current task have a locked mapping?
 * @bytes: of the mapping, or by what it grows.
 *
 * One that takes the place of a locked one is asked for all the same, as for the limit
 * of the process. Caller holds mmap_lock for writing. May sleep.
 */
static inline bool vs_may_lock(unsigned long bytes)
{
	return !vs_enabled() || __vs_may_lock(bytes >> PAGE_SHIFT);
}

/**
 * vs_mlock_refused() - may the context of the current task lock a range?
 * @start: its first byte.
 * @len: length in bytes.
 *
 * Asks for those pages that are not locked yet. Caller holds mmap_lock for writing.
 * May sleep.
 *
 * Return: 0 or -ENOMEM.
 */
static inline int vs_mlock_refused(unsigned long start, unsigned long len)
{
	return vs_enabled() ? __vs_mlock_refused(start, start + len) : 0;
}

/* The same for mlockall(2). */
static inline int vs_mlockall_refused(int flags)
{
	if (!vs_enabled() || !(flags & MCL_CURRENT))
		return 0;
	return __vs_mlock_refused(0, ULONG_MAX);
}

#else /* CONFIG_VSERVER */

static inline bool vs_may_expand(unsigned long pages)
{
	return true;
}

static inline bool vs_may_lock(unsigned long bytes)
{
	return true;
}

static inline int vs_mlock_refused(unsigned long start, unsigned long len)
{
	return 0;
}

static inline int vs_mlockall_refused(int flags)
{
	return 0;
}

#endif /* CONFIG_VSERVER */

#endif /* _LINUX_VSERVER_MM_H */
