// SPDX-License-Identifier: GPL-2.0
/*
 * Which socket a packet reaches.
 *
 * The kernel looks for listeners in two steps: those on the destination, then
 * those on the wildcard, and forgets the destination in the second. A guest's
 * wildcard means its own addresses, so it is asked between the two, with the
 * destination at hand; both steps of the kernel pass over it.
 *
 * Everything here runs in softirq under RCU; listeners and datagram sockets are
 * freed after a grace period.
 */
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/udp.h>

#include "net.h"

/* One loopback interface per network namespace, always the first. */
#define VS_LOOPBACK_IFINDEX	1

bool __vs_sk_accepts4(const struct sock *sk, __be32 daddr)
{
	const struct vs_net *net = vs_sk_net(sk);
	const struct vs_net_set *set;

	if (!net)
		return true;
	if (ipv4_is_multicast(daddr))
		return vs_net_cap(net, VS_NCAP_MULTICAST);

	guard(rcu)();
	set = vs_net_set(net);
	if (daddr == htonl(INADDR_LOOPBACK) &&
	    !vs_net_flag(net, VS_NET_LBACK_REMAP) &&
	    vs_net_flag(net, VS_NET_LBACK_ALLOW))
		return sk->sk_rcv_saddr == daddr;
	return vs_bind4(set, daddr);
}

bool __vs_sk_listens4(const struct sock *sk, __be32 daddr)
{
	if (!vs_sk_net(sk))
		return true;
	return sk->sk_rcv_saddr && __vs_sk_accepts4(sk, daddr);
}

static bool vs_may_have4(const struct sock *sk, const struct net *net,
			 unsigned short hnum, __be32 daddr)
{
	return vs_sk_net(sk) && net_eq(sock_net(sk), net) &&
	       READ_ONCE(sk->sk_num) == hnum && !ipv6_only_sock(sk) &&
	       !sk->sk_rcv_saddr && __vs_sk_accepts4(sk, daddr);
}

/* What nobody listens on: the private loopback is not for the host. */
static struct sock *vs_nobody4(__be32 daddr)
{
	return ipv4_is_loopback(daddr) && vs_loopback_taken(daddr) ?
		ERR_PTR(-ENOENT) : NULL;
}

static int vs_score(const struct sock *sk, int family)
{
	int score = READ_ONCE(sk->sk_bound_dev_if) ? 5 : 1;

	if (sk->sk_family == family)
		score += 2;
	if (READ_ONCE(sk->sk_incoming_cpu) == raw_smp_processor_id())
		score++;
	return score;
}

struct sock *__vs_tcp_lookup4(const struct net *net, struct sk_buff *skb,
			      int doff, __be32 saddr, __be16 sport,
			      __be32 daddr, unsigned short hnum, int dif,
			      int sdif)
{
	struct inet_hashinfo *hashinfo = net->ipv4.tcp_death_row.hashinfo;
	u32 hash = ipv4_portaddr_hash(net, htonl(INADDR_ANY), hnum);
	struct inet_listen_hashbucket *bucket = inet_lhash2_bucket(hashinfo, hash);
	struct sock *sk, *chosen, *result = NULL;
	struct hlist_nulls_node *node;
	int best = 0;

	sk_nulls_for_each_rcu(sk, node, &bucket->nulls_head) {
		if (!vs_may_have4(sk, net, hnum, daddr) ||
		    !inet_sk_bound_dev_eq(net, sk->sk_bound_dev_if, dif, sdif) ||
		    vs_score(sk, PF_INET) <= best)
			continue;
		chosen = inet_lookup_reuseport(net, sk, skb, doff, saddr, sport,
					       daddr, hnum, inet_ehashfn);
		if (chosen)
			return chosen;
		best = vs_score(sk, PF_INET);
		result = sk;
	}
	return result ?: vs_nobody4(daddr);
}

struct sock *__vs_udp_lookup4(const struct net *net, struct sk_buff *skb,
			      __be32 saddr, __be16 sport, __be32 daddr,
			      unsigned short hnum, int dif, int sdif)
{
	struct udp_table *table = net->ipv4.udp_table;
	u32 hash = ipv4_portaddr_hash(net, htonl(INADDR_ANY), hnum);
	struct udp_hslot *slot = udp_hashslot2(table, hash);
	struct sock *sk, *chosen, *result = NULL;
	int best = 0;

	udp_portaddr_for_each_entry_rcu(sk, &slot->head) {
		const struct inet_sock *inet = inet_sk(sk);

		if (udp_sk(sk)->udp_port_hash != hnum ||
		    !vs_may_have4(sk, net, hnum, daddr) ||
		    (inet->inet_daddr && inet->inet_daddr != saddr) ||
		    (inet->inet_dport && inet->inet_dport != sport) ||
		    !udp_sk_bound_dev_eq(net, sk->sk_bound_dev_if, dif, sdif) ||
		    vs_score(sk, PF_INET) <= best)
			continue;
		chosen = inet_lookup_reuseport(net, sk, skb,
					       sizeof(struct udphdr), saddr,
					       sport, daddr, hnum, udp_ehashfn);
		if (chosen)
			return chosen;
		best = vs_score(sk, PF_INET);
		result = sk;
	}
	return result ?: vs_nobody4(daddr);
}

#if IS_ENABLED(CONFIG_IPV6)
bool __vs_sk_accepts6(const struct sock *sk, const struct in6_addr *daddr,
		      int dif)
{
	const struct vs_net *net = vs_sk_net(sk);
	const struct vs_net_set *set;

	/* Routes make the private loopback local whichever way it comes in. */
	if (vs_private6(daddr) && dif && dif != VS_LOOPBACK_IFINDEX)
		return false;
	if (!net)
		return true;
	if (ipv6_addr_is_multicast(daddr))
		return vs_net_cap(net, VS_NCAP_MULTICAST);

	guard(rcu)();
	set = vs_net_set(net);
	if (vs_private6(daddr))
		return daddr->s6_addr32[3] == (__force __be32)set->loopback;
	if (ipv6_addr_loopback(daddr) && !vs_net_flag(net, VS_NET_LBACK_REMAP) &&
	    vs_net_flag(net, VS_NET_LBACK_ALLOW))
		return ipv6_addr_equal(&sk->sk_v6_rcv_saddr, daddr);
	return vs_own6(set, daddr);
}

bool __vs_sk_listens6(const struct sock *sk, const struct in6_addr *daddr,
		      int dif)
{
	if (!vs_sk_net(sk) && !vs_private6(daddr))
		return true;
	return !ipv6_addr_any(&sk->sk_v6_rcv_saddr) &&
	       __vs_sk_accepts6(sk, daddr, dif);
}

static bool vs_may_have6(const struct sock *sk, const struct net *net,
			 unsigned short hnum, const struct in6_addr *daddr,
			 int dif)
{
	return sk->sk_family == PF_INET6 && vs_sk_net(sk) &&
	       net_eq(sock_net(sk), net) && READ_ONCE(sk->sk_num) == hnum &&
	       ipv6_addr_any(&sk->sk_v6_rcv_saddr) &&
	       __vs_sk_accepts6(sk, daddr, dif);
}

static struct sock *vs_nobody6(const struct in6_addr *daddr)
{
	return vs_private6(daddr) ? ERR_PTR(-ENOENT) : NULL;
}

struct sock *__vs_tcp_lookup6(const struct net *net, struct sk_buff *skb,
			      int doff, const struct in6_addr *saddr,
			      __be16 sport, const struct in6_addr *daddr,
			      unsigned short hnum, int dif, int sdif)
{
	struct inet_hashinfo *hashinfo = net->ipv4.tcp_death_row.hashinfo;
	u32 hash = ipv6_portaddr_hash(net, &in6addr_any, hnum);
	struct inet_listen_hashbucket *bucket = inet_lhash2_bucket(hashinfo, hash);
	struct sock *sk, *chosen, *result = NULL;
	struct hlist_nulls_node *node;
	int best = 0;

	sk_nulls_for_each_rcu(sk, node, &bucket->nulls_head) {
		if (!vs_may_have6(sk, net, hnum, daddr, dif) ||
		    !inet_sk_bound_dev_eq(net, sk->sk_bound_dev_if, dif, sdif) ||
		    vs_score(sk, PF_INET6) <= best)
			continue;
		chosen = inet6_lookup_reuseport(net, sk, skb, doff, saddr,
						sport, daddr, hnum,
						inet6_ehashfn);
		if (chosen)
			return chosen;
		best = vs_score(sk, PF_INET6);
		result = sk;
	}
	return result ?: vs_nobody6(daddr);
}

struct sock *__vs_udp_lookup6(const struct net *net, struct sk_buff *skb,
			      const struct in6_addr *saddr, __be16 sport,
			      const struct in6_addr *daddr,
			      unsigned short hnum, int dif, int sdif)
{
	struct udp_table *table = net->ipv4.udp_table;
	u32 hash = ipv6_portaddr_hash(net, &in6addr_any, hnum);
	struct udp_hslot *slot = udp_hashslot2(table, hash);
	struct sock *sk, *chosen, *result = NULL;
	int best = 0;

	udp_portaddr_for_each_entry_rcu(sk, &slot->head) {
		if (udp_sk(sk)->udp_port_hash != hnum ||
		    !vs_may_have6(sk, net, hnum, daddr, dif) ||
		    (inet_sk(sk)->inet_dport &&
		     inet_sk(sk)->inet_dport != sport) ||
		    (!ipv6_addr_any(&sk->sk_v6_daddr) &&
		     !ipv6_addr_equal(&sk->sk_v6_daddr, saddr)) ||
		    !udp_sk_bound_dev_eq(net, READ_ONCE(sk->sk_bound_dev_if),
					 dif, sdif) ||
		    vs_score(sk, PF_INET6) <= best)
			continue;
		chosen = inet6_lookup_reuseport(net, sk, skb,
						sizeof(struct udphdr), saddr,
						sport, daddr, hnum,
						inet6_ehashfn);
		if (chosen)
			return chosen;
		best = vs_score(sk, PF_INET6);
		result = sk;
	}
	return result ?: vs_nobody6(daddr);
}
#endif

bool __vs_sk_ping(const struct sock *sk, const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return __vs_sk_accepts4(sk, ip_hdr(skb)->daddr);
#if IS_ENABLED(CONFIG_IPV6)
	if (skb->protocol == htons(ETH_P_IPV6))
		return __vs_sk_accepts6(sk, &ipv6_hdr(skb)->daddr,
					inet6_iif(skb));
#endif
	return true;
}
