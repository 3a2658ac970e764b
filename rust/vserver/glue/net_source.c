// SPDX-License-Identifier: GPL-2.0
/*
 * Which address a packet of a guest comes from, and where its loopback is
 * (semantics.md, section 9, source address).
 *
 * Runs before the route of a flow is looked up, in process context and in
 * softirq.
 */
#include <linux/icmpv6.h>
#include <linux/inetdevice.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/ndisc.h>
#include <net/route.h>

#include "net.h"

/* Where the preferences of a socket end and the network context begins. */
#define VS_PREFS_SHIFT	16

static bool vs_local4(struct net *net, __be32 ip)
{
	return inet_addr_type(net, ip) == RTN_LOCAL;
}

/* An own address of @dev, or of any interface when @dev is NULL. */
static __be32 vs_from_device4(struct net *net, const struct vs_net_set *set,
			      const struct net_device *only)
{
	const struct net_device *dev;

	for_each_netdev_rcu(net, dev) {
		const struct in_device *in_dev;
		const struct in_ifaddr *ifa;

		if (only && dev != only)
			continue;
		in_dev = __in_dev_get_rcu(dev);
		if (!in_dev)
			continue;
		in_dev_for_each_ifa_rcu(ifa, in_dev)
			if (ifa->ifa_scope < RT_SCOPE_HOST &&
			    vs_own4(set, ifa->ifa_local))
				return ifa->ifa_local;
	}
	return 0;
}

/**
 * vs_pick4() - the own address that comes closest to what the route says
 * @net: network namespace.
 * @set: own addresses.
 * @routed: source that the route prefers, of others.
 * @dev: interface of the route.
 *
 * In the order of the list an address in the network of @routed; else one on the
 * interface; else the first of the list; else any. Caller holds RCU.
 *
 * Return: the address, 0 for none.
 */
static __be32 vs_pick4(struct net *net, const struct vs_net_set *set,
		       __be32 routed, const struct net_device *dev)
{
	__be32 ip;

	for (u32 i = 0; i < set->n_list4; i++) {
		const struct vs_mask4 *entry = &set->list4[i];

		ip = (__force __be32)entry->ip;
		if (entry->mask &&
		    !((entry->ip ^ (__force u32)routed) & entry->mask) &&
		    vs_local4(net, ip))
			return ip;
	}
	ip = vs_from_device4(net, set, dev);
	if (ip)
		return ip;
	for (u32 i = 0; i < set->n_list4; i++) {
		ip = (__force __be32)set->list4[i].ip;
		if (vs_local4(net, ip))
			return ip;
	}
	return vs_from_device4(net, set, NULL);
}

/* The destination is a loopback address. Return: 0, or an error. */
static int vs_loopback4(const struct vs_net *nc, const struct vs_net_set *set,
			struct flowi4 *fl4)
{
	bool unset = !fl4->saddr || ipv4_is_loopback(fl4->saddr);

	if (vs_net_flag(nc, VS_NET_LBACK_REMAP)) {
		fl4->daddr = (__force __be32)set->loopback;
		if (unset)
			fl4->saddr = (__force __be32)set->loopback;
		return 0;
	}
	if (!vs_net_flag(nc, VS_NET_LBACK_ALLOW))
		return -EPERM;
	if (!fl4->daddr)
		fl4->daddr = htonl(INADDR_LOOPBACK);
	/* The private ones of other guests are not meant by the flag. */
	if (vs_loopback_taken(fl4->daddr) &&
	    (__force u32)fl4->daddr != set->loopback)
		return -EPERM;
	if (unset)
		fl4->saddr = htonl(INADDR_LOOPBACK);
	return 0;
}

/* The route of a flow does not depend on its source. */
static bool vs_source_free4(struct net *net, const struct flowi4 *fl4)
{
#ifdef CONFIG_IP_MULTIPLE_TABLES
	if (net->ipv4.fib_has_custom_rules)
		return false;
#endif
	return !ipv4_is_multicast(fl4->daddr) && !ipv4_is_lbcast(fl4->daddr);
}

/*
 * The route has set the source of a flow that had none, and @oif as its interface;
 * the source is to be an own address.
 *
 * Return: the route, counted; NULL when it has to be looked up with the source that
 * is set now; or an error pointer.
 */
static noinline struct rtable *vs_replace4(struct net *net, const struct vs_net *nc,
					   struct flowi4 *fl4, struct rtable *rt,
					   int oif)
{
	const struct vs_net_set *set;

	guard(rcu)();
	set = vs_net_set(nc);
	if (vs_own4(set, fl4->saddr))
		return rt;
	/* What is local may have the first address of its interface as source. */
	if (rt->rt_type == RTN_LOCAL && vs_own4(set, fl4->daddr))
		fl4->saddr = fl4->daddr;
	else
		fl4->saddr = vs_pick4(net, set, fl4->saddr, rt->dst.dev);
	if (fl4->saddr && vs_source_free4(net, fl4))
		return rt;
	/* Without an interface a source decides where multicast goes. */
	fl4->flowi4_oif = oif;
	if (ipv4_is_multicast(fl4->daddr) || ipv4_is_lbcast(fl4->daddr))
		fl4->flowi4_oif = rt->dst.dev->ifindex;
	ip_rt_put(rt);
	return fl4->saddr ? NULL : ERR_PTR(-ENETUNREACH);
}

/*
 * Sets the source that is missing. The route that this takes is the one of the flow,
 * as a rule, so that it is looked up once, as for the host; and its source is the
 * first address, as a guest has one only.
 *
 * Return: as vs_replace4().
 */
static struct rtable *vs_choose4(struct net *net, const struct vs_net *nc,
				 struct flowi4 *fl4)
{
	__be32 first = READ_ONCE(nc->first4);
	int oif = fl4->flowi4_oif;
	struct rtable *rt;

	if (first && unlikely(vs_net_flag(nc, VS_NET_SINGLE_IP))) {
		fl4->saddr = first;
		return NULL;
	}
	rt = ip_route_output_key_hash(net, fl4, NULL);
	if (IS_ERR(rt) || likely(fl4->saddr == first && first))
		return rt;
	return vs_replace4(net, nc, fl4, rt, oif);
}

/* The flow may have the source that it names. */
static bool vs_may_send4(const struct vs_net *nc, const struct vs_net_set *set,
			 const struct flowi4 *fl4)
{
	return fl4->saddr == (__force __be32)set->loopback ||
	       vs_own4(set, fl4->saddr) ||
	       (ipv4_is_loopback(fl4->saddr) &&
		!vs_net_flag(nc, VS_NET_LBACK_REMAP) &&
		vs_net_flag(nc, VS_NET_LBACK_ALLOW));
}

/* A flow whose source is set, or that goes to the loopback. Return: as vs_flow4(). */
static noinline struct rtable *vs_check4(const struct vs_net *nc, struct flowi4 *fl4)
{
	const struct vs_net_set *set;
	int err = 0;

	guard(rcu)();
	set = vs_net_set(nc);
	if (ipv4_is_loopback(fl4->daddr) || (!fl4->daddr && !fl4->saddr))
		err = vs_loopback4(nc, set, fl4);
	if (!err && !vs_may_send4(nc, set, fl4))
		err = -EPERM;
	return err ? ERR_PTR(err) : NULL;
}

struct rtable *__vs_flow4(struct net *net, const struct sock *sk,
			  struct flowi4 *fl4)
{
	const struct vs_net *nc;

	if (!sk || !sk_fullsock(sk))
		return NULL;
	nc = vs_sk_net(sk);
	if (!nc)
		return NULL;
	if (likely(!fl4->saddr && fl4->daddr && !ipv4_is_loopback(fl4->daddr)))
		return vs_choose4(net, nc, fl4);
	return vs_check4(nc, fl4);
}

bool __vs_header4(const struct sock *sk, __be32 saddr)
{
	const struct vs_net *nc = vs_sk_net(sk);

	if (!nc)
		return true;
	guard(rcu)();
	return !saddr || saddr == (__force __be32)vs_net_set(nc)->loopback ||
	       vs_own4(vs_net_set(nc), saddr);
}

#if IS_ENABLED(CONFIG_IPV6)
/**
 * vs_loopback6_route() - make the private IPv6 loopback local
 * @net: network namespace of a socket that is about to use it.
 *
 * Like 127.0.0.0/8, which is local by a route of the kernel. Added when it is
 * first used, and again when the loopback interface was down since. Process
 * context, may sleep.
 */
void vs_loopback6_route(struct net *net)
{
	struct fib6_config cfg = {
		.fc_table = RT6_TABLE_LOCAL,
		.fc_type = RTN_LOCAL,
		.fc_metric = IP6_RT_PRIO_ADDRCONF,
		.fc_ifindex = net->loopback_dev->ifindex,
		.fc_dst_len = 104,
		.fc_flags = RTF_UP | RTF_LOCAL,
		.fc_protocol = RTPROT_KERNEL,
		.fc_nlinfo.nl_net = net,
	};
	struct rt6_info *rt;
	bool there;

	cfg.fc_dst.s6_addr32[3] = htonl(INADDR_LOOPBACK & 0xff000000);
	rt = rt6_lookup(net, &cfg.fc_dst, NULL, 0, NULL, 0);
	there = rt && rt->rt6i_flags & RTF_LOCAL;
	if (rt)
		ip6_rt_put(rt);
	/* Failure shows as an unreachable loopback. */
	if (!there)
		ip6_route_add(&cfg, GFP_KERNEL, NULL);
}

/* Neighbour discovery is the kernel's business, not that of a raw socket. */
static bool vs_is_discovery(const struct flowi6 *fl6)
{
	return fl6->flowi6_proto == IPPROTO_ICMPV6 &&
	       fl6->fl6_icmp_type >= NDISC_ROUTER_SOLICITATION &&
	       fl6->fl6_icmp_type <= NDISC_REDIRECT;
}

/*
 * A guest with one address has nothing to choose from, as long as that is one of the
 * machine: the rules of RFC 6724 would go through all addresses of the interface.
 * For what is near, and through a given interface, they do. Caller holds RCU.
 */
static void vs_sole_source6(struct net *net, const struct vs_net_set *set,
			    struct flowi6 *fl6)
{
	struct in6_addr ip;

	if (set->n_own6 != 1 || set->n_odd6 || fl6->flowi6_oif ||
	    fl6->daddr.s6_addr[0] >= 0xfe ||
	    memcmp(set->own6[0].first, set->own6[0].last, sizeof(ip)))
		return;
	memcpy(&ip, set->own6[0].first, sizeof(ip));
	if (ip.s6_addr[0] < 0xfe &&
	    ipv6_chk_addr_and_flags(net, &ip, NULL, true, 0, IFA_F_TENTATIVE))
		fl6->saddr = ip;
}

int __vs_flow6(const struct sock *sk, struct flowi6 *fl6)
{
	const struct vs_net *nc = sk && sk_fullsock(sk) ? vs_sk_net(sk) : NULL;
	const struct vs_net_set *set;
	struct in6_addr private;
	bool unset;

	if (!nc)
		return 0;
	if (vs_is_discovery(fl6))
		return -EPERM;

	guard(rcu)();
	set = vs_net_set(nc);
	/* Most go elsewhere, and have no source yet. */
	if (likely((fl6->daddr.s6_addr32[0] || fl6->daddr.s6_addr32[1]) &&
		   ipv6_addr_any(&fl6->saddr))) {
		vs_sole_source6(sock_net(sk), set, fl6);
		return set->n_own6 || set->n_odd6 ? 0 : -ENETUNREACH;
	}
	vs_private6_of(set, &private);
	unset = ipv6_addr_any(&fl6->saddr) || ipv6_addr_loopback(&fl6->saddr);
	if (ipv6_addr_loopback(&fl6->daddr) || ipv6_addr_any(&fl6->daddr)) {
		if (vs_net_flag(nc, VS_NET_LBACK_REMAP)) {
			fl6->daddr = private;
		} else if (vs_net_flag(nc, VS_NET_LBACK_ALLOW)) {
			if (!unset && !vs_own6(set, &fl6->saddr))
				return -EPERM;
			fl6->daddr = in6addr_loopback;
			if (unset)
				fl6->saddr = in6addr_loopback;
			return 0;
		} else {
			return -EPERM;
		}
	}
	if (vs_private6(&fl6->daddr)) {
		if (!ipv6_addr_equal(&fl6->daddr, &private))
			return -ENETUNREACH;
		if (unset)
			fl6->saddr = private;
	}
	if (ipv6_addr_any(&fl6->saddr))
		return set->n_own6 || set->n_odd6 ? 0 : -ENETUNREACH;
	return ipv6_addr_equal(&fl6->saddr, &private) ||
	       vs_own6(set, &fl6->saddr) ? 0 : -EPERM;
}

/* Caller is in the look-up of a route, under RCU or with a reference on @dst. */
int __vs_source6(struct net *net, const struct sock *sk, struct dst_entry *dst,
		 struct flowi6 *fl6, int err)
{
	const struct vs_net *nc = sk && sk_fullsock(sk) ? vs_sk_net(sk) : NULL;
	const struct vs_net_set *set;

	if (!nc)
		return err;
	guard(rcu)();
	set = vs_net_set(nc);
	/* A guest with one address, as a rule. */
	if (likely(!err && set->n_own6 &&
		   !memcmp(set->own6[0].first, &fl6->saddr, sizeof(fl6->saddr))))
		return 0;
	if (!err && vs_own6(set, &fl6->saddr))
		return 0;
	/* The rules of RFC 6724 once more, among own addresses only. */
	return ipv6_dev_get_saddr(net, dst->error ? NULL : dst_dev_rcu(dst),
				  &fl6->daddr,
				  READ_ONCE(inet6_sk(sk)->srcprefs) |
				  nc->obj.id << VS_PREFS_SHIFT, &fl6->saddr);
}

bool __vs_candidate6(unsigned int prefs, const struct in6_addr *addr)
{
	struct vs_object *obj;
	bool own;

	if (!(prefs >> VS_PREFS_SHIFT))
		return true;
	obj = vs_object_find(VS_NETWORK, prefs >> VS_PREFS_SHIFT);
	if (!obj)
		return false;
	guard(rcu)();
	own = vs_own6(vs_net_set(container_of(obj, struct vs_net, obj)), addr);
	vs_object_put(obj);
	return own;
}
#else
void vs_loopback6_route(struct net *net) { }
#endif
