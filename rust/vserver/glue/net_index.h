/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The index from addresses to network contexts, for those who ask it for packets.
 *
 * The look-up is inlined with what it calls: it is paid for every packet to a port
 * that no socket has by its address.
 */
#ifndef _VSERVER_GLUE_NET_INDEX_H
#define _VSERVER_GLUE_NET_INDEX_H

#include <linux/hash.h>
#include <linux/rculist.h>
#include <linux/rhashtable.h>
#include <linux/unaligned.h>

#include "net.h"

/**
 * struct vs_owned - an address of a network context
 * @node: in vs_owned_table.
 * @ip: the address; an IPv4 one as a mapped one.
 * @ip4: the IPv4 address, 0 for IPv6.
 * @net: the network context; has not ended.
 * @rcu: frees it.
 */
struct vs_owned {
	struct rhlist_head node;
	struct in6_addr ip;
	__be32 ip4;
	struct vs_net *net;
	struct rcu_head rcu;
};

/*
 * Short, as every packet to a port may pay for it. The addresses of guests are chosen
 * by the host, not by an attacker.
 */
static u32 vs_owned_hash(const void *key, u32 length, u32 seed)
{
	const struct in6_addr *ip = key;
	u64 high = get_unaligned_be64(&ip->s6_addr[0]);
	u64 low = get_unaligned_be64(&ip->s6_addr[8]);
	u32 hash = hash_64((high * GOLDEN_RATIO_64) ^ low ^ seed, 32);

	/* The table takes the lowest bits, which the highest ones do not reach. */
	return hash ^ hash >> 16;
}

static int vs_owned_differs(struct rhashtable_compare_arg *arg, const void *object)
{
	const struct vs_owned *owned = object;

	return !ipv6_addr_equal(&owned->ip, arg->key);
}

static u32 vs_owned_object_hash(const void *object, u32 length, u32 seed)
{
	return vs_owned_hash(&((const struct vs_owned *)object)->ip, length, seed);
}

static const struct rhashtable_params vs_owned_params = {
	.head_offset = offsetof(struct vs_owned, node),
	.key_offset = offsetof(struct vs_owned, ip),
	.key_len = sizeof(struct in6_addr),
	.hashfn = vs_owned_hash,
	.obj_hashfn = vs_owned_object_hash,
	.obj_cmpfn = vs_owned_differs,
	.automatic_shrinking = true,
};

extern struct rhltable vs_owned_table;

/* Network contexts with addresses that are not in the table. */
extern struct hlist_head vs_wide;

/*
 * What is in the table for an address of one network context only, where the way
 * through the table can be saved: each slot has the entry that was made last for it, or
 * none. Written with the table.
 */
#define VS_SOLE_BITS	12

extern struct vs_owned __rcu *vs_sole[1 << VS_SOLE_BITS];

static inline u32 vs_sole_slot(const struct in6_addr *ip)
{
	return hash_32((__force u32)(ip->s6_addr32[0] ^ ip->s6_addr32[1] ^
				     ip->s6_addr32[2] ^ ip->s6_addr32[3]),
		       VS_SOLE_BITS);
}

/*
 * The one network context that owns @ip. Caller holds RCU. Return: NULL when there may
 * be none, or several.
 */
static __always_inline const struct vs_net *
vs_sole_owner(const struct in6_addr *ip)
{
	const struct vs_owned *owned = rcu_dereference(vs_sole[vs_sole_slot(ip)]);

	if (!owned || !ipv6_addr_equal(&owned->ip, ip) ||
	    unlikely(!hlist_empty(&vs_wide)))
		return NULL;
	return owned->net;
}

/* The same for an IPv4 address, not 0. */
static __always_inline const struct vs_net *vs_sole_owner4(__be32 ip4)
{
	const struct vs_owned *owned;
	struct in6_addr ip;

	ipv6_addr_set_v4mapped(ip4, &ip);
	owned = rcu_dereference(vs_sole[vs_sole_slot(&ip)]);
	if (!owned || owned->ip4 != ip4 || unlikely(!hlist_empty(&vs_wide)))
		return NULL;
	return owned->net;
}

void vs_visit_wide(const struct in6_addr *ip,
		   void (*visit)(const struct vs_net *net, void *data),
		   void *data);

/**
 * vs_index_visit() - call a function for each network context that owns an address
 * @ip: the address; an IPv4 one as a mapped one.
 * @visit: may be called twice for the same one.
 * @data: for @visit.
 *
 * While an address is being added or taken away, it may or may not be owned.
 *
 * Any context; the caller holds RCU, as everybody who looks for a socket.
 */
static __always_inline void
vs_index_visit(const struct in6_addr *ip,
	       void (*visit)(const struct vs_net *net, void *data), void *data)
{
	struct rhlist_head *list, *pos;
	const struct vs_owned *owned;
	const struct vs_net *sole = vs_sole_owner(ip);

	if (sole) {
		visit(sole, data);
		return;
	}
	list = rhltable_lookup(&vs_owned_table, ip, vs_owned_params);
	rhl_for_each_entry_rcu(owned, pos, list, node)
		visit(owned->net, data);
	if (unlikely(!hlist_empty(&vs_wide)))
		vs_visit_wide(ip, visit, data);
}

#endif /* _VSERVER_GLUE_NET_INDEX_H */
