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
#include <linux/hash.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/unaligned.h>

#include "net.h"

DEFINE_STATIC_KEY_FALSE(vs_net_active);

/* Network contexts by loopback address; readers use RCU. */
static DEFINE_HASHTABLE(vs_loopbacks, 8);

/* Serialises the writers of that table and of the index of addresses. */
static DEFINE_MUTEX(vs_tables_mutex);

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
	net->salt = hash_64(net->obj.instance, 32);
	INIT_HLIST_NODE(&net->by_loopback);
	INIT_HLIST_NODE(&net->wide);
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

	guard(mutex)(&vs_tables_mutex);
	old = rcu_dereference_protected(net->addrs, true);
	if (!net->ended && vs_index_add(net, set, old ? &old->set : NULL)) {
		kvfree(new);
		return -ENOMEM;
	}
	rcu_assign_pointer(net->addrs, new);
	WRITE_ONCE(net->first4, (__force __be32)(set->n_list4 ? set->list4[0].ip : 0));
	if (!net->ended && (!old || old->set.loopback != set->loopback)) {
		/*
		 * A reader on the old chain may go on in the new one and miss an
		 * entry there; the host's wildcard gets a packet too many at
		 * worst.
		 */
		hash_del_rcu(&net->by_loopback);
		hash_add_rcu(vs_loopbacks, &net->by_loopback, set->loopback);
	}
	if (!old)
		return 0;
	if (!net->ended)
		vs_index_remove(net, &old->set, set);
	kvfree_rcu(old, rcu);
	return 0;
}
EXPORT_SYMBOL_GPL(vs_net_publish);

/**
 * vs_net_end() - a network context has ended
 * @net: it may still be referred to; its addresses stay for its connections, but
 *	packets to them look for no listeners of it any more.
 *
 * Called a grace period before vs_net_free() at least. May sleep.
 */
void vs_net_end(struct vs_net *net)
{
	const struct vs_addrs *addrs;

	guard(mutex)(&vs_tables_mutex);
	net->ended = true;
	hash_del_rcu(&net->by_loopback);
	addrs = rcu_dereference_protected(net->addrs, true);
	if (addrs)
		vs_index_remove(net, &addrs->set, NULL);
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

static const struct vs_span4 *vs_find4(const struct vs_span4 *spans, u32 number,
				       u32 ip)
{
	u32 low = 0, high = number;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (ip < spans[middle].first)
			high = middle;
		else if (ip > spans[middle].last)
			low = middle + 1;
		else
			return &spans[middle];
	}
	return NULL;
}

/* @ip, in host byte order, is in a span with less than @length addresses more. */
bool vs_single4(const struct vs_net_set *set, u32 ip, u32 length)
{
	const struct vs_span4 *span = vs_find4(set->own4, set->n_own4, ip);

	return span && span->last - span->first < length;
}

/* Order of two IPv6 addresses, as memcmp() has it, in two comparisons. */
static int vs_compare6(u64 high, u64 low, const u32 *other)
{
	u64 high2 = get_unaligned_be64(other);

	if (high != high2)
		return high < high2 ? -1 : 1;
	return cmp_int(low, get_unaligned_be64(other + 2));
}

/* The span of @set that @ip is in, or NULL. */
const struct vs_span6 *vs_find6(const struct vs_net_set *set,
				const struct in6_addr *ip)
{
	u64 high = get_unaligned_be64(ip), low = get_unaligned_be64(&ip->s6_addr[8]);
	u32 from = 0, to = set->n_own6;

	while (from < to) {
		u32 middle = from + (to - from) / 2;
		const struct vs_span6 *span = &set->own6[middle];

		if (vs_compare6(high, low, span->first) < 0)
			to = middle;
		else if (vs_compare6(high, low, span->last) > 0)
			from = middle + 1;
		else
			return span;
	}
	return NULL;
}

/* @ip is one of the addresses of the list. Caller holds RCU. */
bool vs_own4(const struct vs_net_set *set, __be32 ip)
{
	if (vs_find4(set->own4, set->n_own4, ntohl(ip)))
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
	       vs_find4(set->cast4, set->n_cast4, ntohl(ip));
}

/* @ip is one of the addresses of the list. Caller holds RCU. */
bool vs_own6(const struct vs_net_set *set, const struct in6_addr *ip)
{
	if (vs_find6(set, ip))
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

/**
 * vs_loopback_visit() - call a function for each network context with @ip as its
 * loopback address
 * @ip: the address.
 * @visit: as in vs_index_visit().
 * @data: for @visit.
 */
void vs_loopback_visit(__be32 ip,
		       void (*visit)(const struct vs_net *net, void *data),
		       void *data)
{
	const struct vs_net *net;

	guard(rcu)();
	hash_for_each_possible_rcu(vs_loopbacks, net, by_loopback,
				   (__force u32)ip)
		visit(net, data);
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
