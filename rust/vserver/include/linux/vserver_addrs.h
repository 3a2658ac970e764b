/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The addresses of a network context as the core hands them to the network
 * stack: sorted, without overlaps, ready to be searched.
 */
#ifndef _LINUX_VSERVER_ADDRS_H
#define _LINUX_VSERVER_ADDRS_H

#include <linux/types.h>

struct vs_net;

/**
 * struct vs_span4 - IPv4 addresses from @first to @last, both included
 * @first: lowest address, host byte order.
 * @last: highest address, host byte order.
 */
struct vs_span4 {
	u32 first;
	u32 last;
};

/**
 * struct vs_mask4 - the IPv4 addresses that are @ip under @mask
 * @ip: network byte order.
 * @mask: network byte order.
 */
struct vs_mask4 {
	u32 ip;
	u32 mask;
};

/**
 * struct vs_span6 - IPv6 addresses from @first to @last, both included
 * @first: lowest address, network byte order.
 * @last: highest address, network byte order.
 */
struct vs_span6 {
	u32 first[4];
	u32 last[4];
};

/**
 * struct vs_mask6 - the IPv6 addresses that are @ip under @mask
 * @ip: network byte order.
 * @mask: network byte order.
 */
struct vs_mask6 {
	u32 ip[4];
	u32 mask[4];
};

/**
 * struct vs_net_set - a set of addresses
 * @own4: IPv4 addresses; sorted and disjoint.
 * @n_own4: their number.
 * @odd4: entries whose mask has gaps, which are no spans.
 * @n_odd4: their number.
 * @cast4: broadcast addresses of the entries; sorted and disjoint.
 * @n_cast4: their number.
 * @list4: single addresses in the order of the list: candidates for sources.
 * @n_list4: their number.
 * @own6: IPv6 addresses; sorted and disjoint.
 * @n_own6: their number.
 * @odd6: as @odd4.
 * @n_odd6: their number.
 * @entries4: length of the IPv4 list of the network context.
 * @entries6: length of its IPv6 list.
 * @broadcast: its broadcast address, network byte order.
 * @loopback: its loopback address, network byte order.
 */
struct vs_net_set {
	const struct vs_span4 *own4;
	const struct vs_mask4 *odd4;
	const struct vs_span4 *cast4;
	const struct vs_mask4 *list4;
	const struct vs_span6 *own6;
	const struct vs_mask6 *odd6;
	u32 n_own4;
	u32 n_odd4;
	u32 n_cast4;
	u32 n_list4;
	u32 n_own6;
	u32 n_odd6;
	u32 entries4;
	u32 entries6;
	u32 broadcast;
	u32 loopback;
};

/* glue/net_set.c */
void vs_net_init(struct vs_net *net);
int vs_net_publish(struct vs_net *net, const struct vs_net_set *set);
void vs_net_end(struct vs_net *net);
void vs_net_free(struct vs_net *net);

/* glue/net_abort.c */
void vs_net_abort(struct vs_net *net);

#endif /* _LINUX_VSERVER_ADDRS_H */
