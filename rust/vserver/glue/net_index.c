// SPDX-License-Identifier: GPL-2.0
/*
 * Which network contexts an address belongs to.
 *
 * The way from a packet to the listeners of a guest: one step to the network
 * context by the destination, one to the bucket of its wildcards
 * (vs_sk_bucket()), however many guests listen on the port. Single addresses and
 * short spans are entered one by one; network contexts with long spans, or masks
 * with gaps, are on a list that is gone through.
 *
 * Readers use RCU; net_set.c serialises the writers.
 */
#include <linux/rculist.h>
#include <linux/slab.h>

#include "net_index.h"

/* Longest span whose addresses are entered one by one. */
#define VS_SPAN_MAX	256

struct rhltable vs_owned_table;
HLIST_HEAD(vs_wide);
struct vs_owned __rcu *vs_sole[1 << VS_SOLE_BITS];

/*
 * Calls @visit for each single address of the short spans of @set that those of
 * @other do not have, until it returns an error.
 */
static int vs_each_single4(struct vs_net *net, const struct vs_net_set *set,
			   const struct vs_net_set *other,
			   int (*visit)(struct vs_net *net,
					const struct in6_addr *ip))
{
	for (u32 i = 0; i < set->n_own4; i++) {
		u32 first = set->own4[i].first, last = set->own4[i].last;

		if (last - first >= VS_SPAN_MAX)
			continue;
		for (u32 n = 0; n <= last - first; n++) {
			struct in6_addr ip;
			int err;

			if (other && vs_single4(other, first + n, VS_SPAN_MAX))
				continue;
			ipv6_addr_set_v4mapped(htonl(first + n), &ip);
			err = visit(net, &ip);
			if (err)
				return err;
		}
	}
	return 0;
}

/* Addresses of a short span differ in the last word, or in the one before too. */
static u32 vs_span6_length(const struct vs_span6 *span)
{
	u64 first = (u64)ntohl((__force __be32)span->first[2]) << 32 |
		    ntohl((__force __be32)span->first[3]);
	u64 last = (u64)ntohl((__force __be32)span->last[2]) << 32 |
		   ntohl((__force __be32)span->last[3]);

	if (span->first[0] != span->last[0] ||
	    span->first[1] != span->last[1] || last - first >= VS_SPAN_MAX)
		return VS_SPAN_MAX + 1;
	return last - first + 1;
}

static void vs_next6(struct in6_addr *ip)
{
	for (int i = 15; i >= 0 && !++ip->s6_addr[i]; i--)
		;
}

static int vs_each_single6(struct vs_net *net, const struct vs_net_set *set,
			   const struct vs_net_set *other,
			   int (*visit)(struct vs_net *net,
					const struct in6_addr *ip))
{
	for (u32 i = 0; i < set->n_own6; i++) {
		const struct vs_span6 *span = &set->own6[i];
		u32 length = vs_span6_length(span);
		struct in6_addr ip;

		if (length > VS_SPAN_MAX)
			continue;
		memcpy(&ip, span->first, sizeof(ip));
		for (u32 n = 0; n < length; n++, vs_next6(&ip)) {
			const struct vs_span6 *twin;
			int err;

			twin = other ? vs_find6(other, &ip) : NULL;
			if (twin && vs_span6_length(twin) <= VS_SPAN_MAX)
				continue;
			err = visit(net, &ip);
			if (err)
				return err;
		}
	}
	return 0;
}

/* Some address of @set is in no short span. */
static bool vs_is_wide(const struct vs_net_set *set)
{
	if (set->n_odd4 || set->n_odd6)
		return true;
	for (u32 i = 0; i < set->n_own4; i++)
		if (set->own4[i].last - set->own4[i].first >= VS_SPAN_MAX)
			return true;
	for (u32 i = 0; i < set->n_own6; i++)
		if (vs_span6_length(&set->own6[i]) > VS_SPAN_MAX)
			return true;
	return false;
}

/* Whether an entry can be the only one for its address is known when it is there. */
static void vs_sole_update(struct vs_owned *owned)
{
	struct vs_owned __rcu **slot = &vs_sole[vs_sole_slot(&owned->ip)];
	struct rhlist_head *list;
	struct vs_owned *there;

	guard(rcu)();
	list = rhltable_lookup(&vs_owned_table, &owned->ip, vs_owned_params);
	there = rcu_dereference(*slot);
	if (list && !rcu_access_pointer(list->next))
		rcu_assign_pointer(*slot, owned);
	else if (there && ipv6_addr_equal(&there->ip, &owned->ip))
		RCU_INIT_POINTER(*slot, NULL);
}

static void vs_sole_forget(const struct vs_owned *owned)
{
	struct vs_owned __rcu **slot = &vs_sole[vs_sole_slot(&owned->ip)];

	if (rcu_access_pointer(*slot) == owned)
		RCU_INIT_POINTER(*slot, NULL);
}

static int vs_enter(struct vs_net *net, const struct in6_addr *ip)
{
	struct vs_owned *owned = kmalloc_obj(*owned, GFP_KERNEL_ACCOUNT);
	int err;

	if (!owned)
		return -ENOMEM;
	owned->ip = *ip;
	owned->ip4 = ipv6_addr_v4mapped(ip) ? ip->s6_addr32[3] : 0;
	owned->net = net;
	err = rhltable_insert(&vs_owned_table, &owned->node, vs_owned_params);
	if (err)
		kfree(owned);
	else
		vs_sole_update(owned);
	/* A table that cannot grow says so in several ways. */
	return err ? -ENOMEM : 0;
}

static int vs_withdraw(struct vs_net *net, const struct in6_addr *ip)
{
	struct rhlist_head *list, *pos;
	struct vs_owned *owned;

	guard(rcu)();
	list = rhltable_lookup(&vs_owned_table, ip, vs_owned_params);
	rhl_for_each_entry_rcu(owned, pos, list, node) {
		if (owned->net == net) {
			vs_sole_forget(owned);
			rhltable_remove(&vs_owned_table, &owned->node,
					vs_owned_params);
			kfree_rcu(owned, rcu);
			break;
		}
	}
	return 0;
}

static int vs_enter_all(struct vs_net *net, const struct vs_net_set *set,
			const struct vs_net_set *other)
{
	return vs_each_single4(net, set, other, vs_enter) ?:
	       vs_each_single6(net, set, other, vs_enter);
}

static void vs_withdraw_all(struct vs_net *net, const struct vs_net_set *set,
			    const struct vs_net_set *other)
{
	vs_each_single4(net, set, other, vs_withdraw);
	vs_each_single6(net, set, other, vs_withdraw);
}

/**
 * vs_index_add() - enter the addresses of a set
 * @net: their network context.
 * @set: all its addresses.
 * @old: those that are entered already; NULL for none.
 *
 * Before the set is published, so that nobody misses one. May sleep.
 *
 * Return: 0, or -ENOMEM and nothing has changed.
 */
int vs_index_add(struct vs_net *net, const struct vs_net_set *set,
		 const struct vs_net_set *old)
{
	int err = vs_enter_all(net, set, old);

	if (err) {
		/* What had not been entered yet is not found. */
		vs_withdraw_all(net, set, old);
		return err;
	}
	if (vs_is_wide(set) && hlist_unhashed(&net->wide))
		hlist_add_head_rcu(&net->wide, &vs_wide);
	return 0;
}

/**
 * vs_index_remove() - take out what a network context has lost
 * @net: the network context.
 * @old: what is entered.
 * @set: what stays, and is published; NULL for nothing.
 *
 * Process context.
 */
void vs_index_remove(struct vs_net *net, const struct vs_net_set *old,
		     const struct vs_net_set *set)
{
	vs_withdraw_all(net, old, set);
	if (!set || !vs_is_wide(set))
		hlist_del_init_rcu(&net->wide);
}

/* Those with long spans, which are few. Caller holds RCU. */
void vs_visit_wide(const struct in6_addr *ip,
		   void (*visit)(const struct vs_net *net, void *data),
		   void *data)
{
	const struct vs_net *net;

	hlist_for_each_entry_rcu(net, &vs_wide, wide) {
		const struct vs_net_set *set = vs_net_set(net);

		if (ipv6_addr_v4mapped(ip) ? vs_own4(set, ip->s6_addr32[3]) :
					     vs_own6(set, ip))
			visit(net, data);
	}
}

static int __init vs_index_init(void)
{
	return rhltable_init(&vs_owned_table, &vs_owned_params);
}
core_initcall(vs_index_init);
