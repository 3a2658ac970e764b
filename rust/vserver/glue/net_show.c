// SPDX-License-Identifier: GPL-2.0
/*
 * What a task finds in the tables of the network stack (semantics.md, section 9,
 * showing).
 *
 * A guest finds its own sockets, interfaces and addresses. The host finds the
 * sockets of no guest, as it finds no task of one; the spectator finds all. All
 * calls come from system calls of the current task, some of them under locks.
 */
#include <linux/inetdevice.h>
#include <linux/preempt.h>
#include <net/addrconf.h>
#include <net/if_inet6.h>
#include <net/inet_timewait_sock.h>
#include <net/request_sock.h>

#include "net.h"

/* What is left of a connection has no owner, but an address. */
static bool vs_remains_visible(const struct vs_net *net, const struct sock *sk)
{
	guard(rcu)();
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 &&
	    !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr))
		return vs_own6(vs_net_set(net), &sk->sk_v6_rcv_saddr);
#endif
	return vs_bind4(vs_net_set(net), sk->sk_rcv_saddr);
}

bool __vs_sk_visible(const struct sock *sk)
{
	const struct vs_net *net;

	if (!in_task() || current->vs.nid == VS_XID_SPECTATOR)
		return true;
	net = vs_current_net();
	if (sk_fullsock(sk))
		return vs_sk_net(sk) == net;
	if (sk->sk_state == TCP_NEW_SYN_RECV)
		return vs_sk_net(inet_reqsk((struct sock *)sk)->rsk_listener) ==
		       net;
	return !net || vs_remains_visible(net, sk);
}

/* The network context whose view of interfaces is a narrow one, or NULL. */
const struct vs_net *vs_narrow_net(void)
{
	const struct vs_net *net = in_task() ? vs_current_net() : NULL;

	return net && vs_net_flag(net, VS_NET_HIDE_NETIF) ? net : NULL;
}

/* Tables show @addr to the tasks of @net. Caller holds RCU. */
bool vs_net_shows4(const struct vs_net *net, __be32 addr)
{
	return (addr == htonl(INADDR_LOOPBACK) &&
		vs_net_flag(net, VS_NET_LBACK_REMAP)) ||
	       vs_own4(vs_net_set(net), addr);
}

bool vs_net_shows6(const struct vs_net *net, const struct in6_addr *addr)
{
	const struct vs_net_set *set = vs_net_set(net);

	return (ipv6_addr_loopback(addr) && set->entries6 &&
		vs_net_flag(net, VS_NET_LBACK_REMAP)) || vs_own6(set, addr);
}

bool __vs_addr4_visible(__be32 addr)
{
	const struct vs_net *net = vs_narrow_net();

	guard(rcu)();
	return !net || vs_net_shows4(net, addr);
}

bool __vs_addr6_visible(const struct in6_addr *addr)
{
	const struct vs_net *net = vs_narrow_net();

	guard(rcu)();
	return !net || vs_net_shows6(net, addr);
}

/* The interface carries an address of @net. Caller holds RCU. */
bool vs_net_shows(const struct vs_net *net, const struct net_device *dev)
{
	const struct in_device *in_dev = __in_dev_get_rcu(dev);
	const struct in_ifaddr *ifa;
#if IS_ENABLED(CONFIG_IPV6)
	const struct inet6_dev *in6_dev = __in6_dev_get(dev);
	const struct inet6_ifaddr *ifa6;
#endif

	if (in_dev)
		in_dev_for_each_ifa_rcu(ifa, in_dev)
			if (vs_net_shows4(net, ifa->ifa_local))
				return true;
#if IS_ENABLED(CONFIG_IPV6)
	if (in6_dev)
		list_for_each_entry_rcu(ifa6, &in6_dev->addr_list, if_list)
			if (vs_net_shows6(net, &ifa6->addr))
				return true;
#endif
	return false;
}

bool __vs_dev_visible(const struct net_device *dev)
{
	const struct vs_net *net = vs_narrow_net();

	guard(rcu)();
	return !net || vs_net_shows(net, dev);
}

static void vs_common4(const struct vs_net_set *set, __be32 *ip)
{
	if (*ip == (__force __be32)set->loopback)
		*ip = htonl(INADDR_LOOPBACK);
}

static void vs_common6(const struct vs_net_set *set, struct in6_addr *ip)
{
	if (ipv6_addr_v4mapped(ip))
		vs_common4(set, &ip->s6_addr32[3]);
	else if (vs_private6(ip) &&
		 ip->s6_addr32[3] == (__force __be32)set->loopback)
		*ip = in6addr_loopback;
}

/*
 * The network context whose loopback address looks like the common one. What is left
 * of a connection has none; who sees it in a table is of the one it had.
 */
static const struct vs_net *vs_disguised_net(const struct sock *sk)
{
	const struct vs_net *net = NULL;

	if (sk_fullsock(sk))
		net = vs_sk_net(sk);
	else if (sk->sk_state == TCP_TIME_WAIT && in_task())
		net = vs_current_net();

	return net && vs_net_flag(net, VS_NET_HIDE_LBACK) ? net : NULL;
}

void __vs_show_name(const struct sock *sk, void *name)
{
	const struct vs_net *net;

	if (!name || !vs_may_be_private(name))
		return;
	net = vs_disguised_net(sk);
	if (!net)
		return;
	guard(rcu)();
	if (((struct sockaddr *)name)->sa_family == AF_INET)
		vs_common4(vs_net_set(net),
			   &((struct sockaddr_in *)name)->sin_addr.s_addr);
	else
		vs_common6(vs_net_set(net),
			   &((struct sockaddr_in6 *)name)->sin6_addr);
}

void __vs_show4(const struct sock *sk, __be32 *a, __be32 *b)
{
	const struct vs_net *net = vs_disguised_net(sk);

	if (!net)
		return;
	guard(rcu)();
	vs_common4(vs_net_set(net), a);
	vs_common4(vs_net_set(net), b);
}

void __vs_show_pair(const struct sock *sk, int family, __be32 *a, __be32 *b)
{
	const struct vs_net *net = vs_disguised_net(sk);

	if (!net)
		return;
	guard(rcu)();
	if (family == AF_INET6) {
		vs_common6(vs_net_set(net), (struct in6_addr *)a);
		vs_common6(vs_net_set(net), (struct in6_addr *)b);
	} else {
		vs_common4(vs_net_set(net), a);
		vs_common4(vs_net_set(net), b);
	}
}
