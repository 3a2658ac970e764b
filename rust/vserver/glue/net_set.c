// SPDX-License-Identifier: GPL-2.0
/*
 * The addresses of network contexts, as the network stack searches them.
 *
 * The core hands over sorted arrays; they are copied into one block, which is
 * published by RCU and replaced as a whole: readers on the packet path take no
 * lock and a look-up is a binary search. Writers of one network context are
 * serialised by the core.
 */
#include <linux/export.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "net.h"

DEFINE_STATIC_KEY_FALSE(vs_net_active);

/* Network contexts by loopback address; readers use RCU. */
static DEFINE_HASHTABLE(vs_loopbacks, 8);
static DEFINE_SPINLOCK(vs_loopback_lock);

/**
 * vs_net_init() - prepare the part of a network context that is for sockets
 * @net: zeroed beside its object.
 *
 * The stack that the caller uses becomes the one that is shared. May sleep: the
 * first network context switches the calls of the network stack on.
 */
void vs_net_init(struct vs_net *net)
{
	net->home = current->nsproxy->net_ns->net_cookie;
	INIT_HLIST_NODE(&net->by_loopback);
	if (!static_key_enabled(&vs_net_active))
		static_branch_enable(&vs_net_active);
}
EXPORT_SYMBOL_GPL(vs_net_init);

static void *vs_copy(void **to, const void *from, size_t size)
{
	void *start = *to;

	if (size)
		memcpy(start, from, size);
	*to += ALIGN(size, sizeof(u64));
	return start;
}

static size_t vs_room(size_t number, size_t size)
{
	return ALIGN(size_mul(number, size), sizeof(u64));
}

/**
 * vs_net_publish() - replace the addresses of a network context
 * @net: the caller serialises calls.
 * @set: copied.
 *
 * New packets and system calls see the new set when this returns. May sleep.
 *
 * Return: 0, or -ENOMEM and nothing has changed.
 */
int vs_net_publish(struct vs_net *net, const struct vs_net_set *set)
{
	struct vs_addrs *new, *old;
	size_t size = vs_room(set->n_own4, sizeof(*set->own4)) +
		      vs_room(set->n_odd4, sizeof(*set->odd4)) +
		      vs_room(set->n_cast4, sizeof(*set->cast4)) +
		      vs_room(set->n_list4, sizeof(*set->list4)) +
		      vs_room(set->n_own6, sizeof(*set->own6)) +
		      vs_room(set->n_odd6, sizeof(*set->odd6));
	void *room;

	new = kvzalloc(struct_size(new, data, size / sizeof(u64)),
		       GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	room = new->data;
	new->set = *set;
	new->set.own4 = vs_copy(&room, set->own4, set->n_own4 * sizeof(*set->own4));
	new->set.odd4 = vs_copy(&room, set->odd4, set->n_odd4 * sizeof(*set->odd4));
	new->set.cast4 = vs_copy(&room, set->cast4, set->n_cast4 * sizeof(*set->cast4));
	new->set.list4 = vs_copy(&room, set->list4, set->n_list4 * sizeof(*set->list4));
	new->set.own6 = vs_copy(&room, set->own6, set->n_own6 * sizeof(*set->own6));
	new->set.odd6 = vs_copy(&room, set->odd6, set->n_odd6 * sizeof(*set->odd6));

	scoped_guard(spinlock, &vs_loopback_lock) {
		old = rcu_replace_pointer(net->addrs, new, true);
		/* What has ended does not come back into the table. */
		if (!old || (old->set.loopback != set->loopback &&
			     hash_hashed(&net->by_loopback))) {
			/*
			 * A reader on the old chain may go on in the new one
			 * and miss an entry there; the host's wildcard gets a
			 * packet too many at worst.
			 */
			hash_del_rcu(&net->by_loopback);
			hash_add_rcu(vs_loopbacks, &net->by_loopback,
				     set->loopback);
		}
	}
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}
EXPORT_SYMBOL_GPL(vs_net_publish);

/**
 * vs_net_end() - a network context has ended
 * @net: it may still be referred to; its addresses stay for its sockets.
 *
 * Called a grace period before vs_net_free() at least. Process context.
 */
void vs_net_end(struct vs_net *net)
{
	guard(spinlock)(&vs_loopback_lock);
	hash_del_rcu(&net->by_loopback);
}
EXPORT_SYMBOL_GPL(vs_net_end);

/**
 * vs_net_free() - the part of a network context that is for sockets goes
 * @net: nobody refers to it, and a grace period has passed since.
 */
void vs_net_free(struct vs_net *net)
{
	kvfree(rcu_dereference_protected(net->addrs, true));
}
EXPORT_SYMBOL_GPL(vs_net_free);

static bool vs_in_spans4(const struct vs_span4 *spans, u32 number, u32 ip)
{
	u32 low = 0, high = number;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (ip < spans[middle].first)
			high = middle;
		else if (ip > spans[middle].last)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

static bool vs_in_spans6(const struct vs_span6 *spans, u32 number,
			 const struct in6_addr *ip)
{
	u32 low = 0, high = number;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (memcmp(ip, spans[middle].first, sizeof(*ip)) < 0)
			high = middle;
		else if (memcmp(ip, spans[middle].last, sizeof(*ip)) > 0)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

/* @ip is one of the addresses of the list. Caller holds RCU. */
bool vs_own4(const struct vs_net_set *set, __be32 ip)
{
	if (vs_in_spans4(set->own4, set->n_own4, ntohl(ip)))
		return true;
	for (u32 i = 0; i < set->n_odd4; i++)
		if (((__force u32)ip & set->odd4[i].mask) == set->odd4[i].ip)
			return true;
	return false;
}

/* The same, or the loopback address or a broadcast address. */
bool vs_bind4(const struct vs_net_set *set, __be32 ip)
{
	return (__force u32)ip == set->loopback ||
	       (__force u32)ip == set->broadcast || vs_own4(set, ip) ||
	       vs_in_spans4(set->cast4, set->n_cast4, ntohl(ip));
}

/* @ip is one of the addresses of the list. Caller holds RCU. */
bool vs_own6(const struct vs_net_set *set, const struct in6_addr *ip)
{
	if (vs_in_spans6(set->own6, set->n_own6, ip))
		return true;
	for (u32 i = 0; i < set->n_odd6; i++) {
		const struct vs_mask6 *odd = &set->odd6[i];
		u32 differs = 0;

		for (int w = 0; w < 4; w++)
			differs |= ((__force u32)ip->s6_addr32[w] &
				    odd->mask[w]) ^ odd->ip[w];
		if (!differs)
			return true;
	}
	return false;
}

/*
 * Some address is in both sets. Masks with gaps are taken for all addresses:
 * that refuses a port too many, never one too few.
 */
bool vs_sets_meet4(const struct vs_net_set *a, const struct vs_net_set *b)
{
	u32 i = 0, j = 0;

	if (a->loopback == b->loopback ||
	    (a->n_odd4 && (b->n_own4 || b->n_odd4)) || (b->n_odd4 && a->n_own4))
		return true;
	while (i < a->n_own4 && j < b->n_own4) {
		if (a->own4[i].last < b->own4[j].first)
			i++;
		else if (b->own4[j].last < a->own4[i].first)
			j++;
		else
			return true;
	}
	return false;
}

bool vs_sets_meet6(const struct vs_net_set *a, const struct vs_net_set *b)
{
	u32 i = 0, j = 0;

	if (a->loopback == b->loopback ||
	    (a->n_odd6 && (b->n_own6 || b->n_odd6)) || (b->n_odd6 && a->n_own6))
		return true;
	while (i < a->n_own6 && j < b->n_own6) {
		if (memcmp(a->own6[i].last, b->own6[j].first, 16) < 0)
			i++;
		else if (memcmp(b->own6[j].last, a->own6[i].first, 16) < 0)
			j++;
		else
			return true;
	}
	return false;
}

/* @ip is the loopback address of a network context. Caller holds RCU. */
bool vs_loopback_taken(__be32 ip)
{
	const struct vs_net *net;

	hash_for_each_possible_rcu(vs_loopbacks, net, by_loopback,
				   (__force u32)ip) {
		const struct vs_net_set *set = vs_net_set(net);

		if (set && set->loopback == (__force u32)ip)
			return true;
	}
	return false;
}
