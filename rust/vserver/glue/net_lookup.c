// SPDX-License-Identifier: GPL-2.0
/*
 * Which socket a packet reaches.
 *
 * The kernel looks for listeners in two steps: those on the destination, then
 * those on the wildcard, and forgets the destination in the second. A guest's
 * wildcard means its own addresses, so it is asked between the two, with the
 * destination at hand; both steps of the kernel pass over it.
 *
 * TCP wildcards of a network context are in a bucket of their own, so that a
 * connection does not pay for the guests that listen on the same port.
 *
 * Everything here runs in softirq under RCU; listeners and datagram sockets are
 * freed after a grace period.
 */
#include <linux/hash.h>
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

/* Hash of wildcards: what it adds to that of the port. */
static u32 vs_salt(const struct vs_net *nc)
{
	return hash_64(nc->obj.instance, 32);
}

u32 __vs_sk_bucket(const struct sock *sk)
{
	const struct vs_net *nc = vs_sk_net(sk);

	if (!nc || sk->sk_rcv_saddr)
		return 0;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 &&
	    !ipv6_addr_any(&sk->sk_v6_rcv_saddr) &&
	    !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr))
		return 0;
#endif
	return vs_salt(nc);
}

/*
 * A segment that asks for a connection, as the kernel's look-up gets it, and what
 * has been found for it.
 */
struct vs_syn {
	const struct net *net;
	struct sk_buff *skb;
	int doff;
	__be32 saddr4;
	__be32 daddr4;
	const struct in6_addr *saddr6;
	const struct in6_addr *daddr6;
	__be16 sport;
	unsigned short hnum;
	int dif;
	int sdif;
	int best;
	bool final;
	struct sock *result;
};

/* Asks the wildcards of @nc, which may own the destination. */
static void vs_ask4(const struct vs_net *nc, void *data)
{
	struct vs_syn *syn = data;
	struct inet_hashinfo *hashinfo = syn->net->ipv4.tcp_death_row.hashinfo;
	u32 hash = ipv4_portaddr_hash(syn->net, htonl(INADDR_ANY), syn->hnum);
	struct inet_listen_hashbucket *bucket =
		inet_lhash2_bucket(hashinfo, hash ^ vs_salt(nc));
	struct hlist_nulls_node *node;
	struct sock *sk, *chosen;

	sk_nulls_for_each_rcu(sk, node, &bucket->nulls_head) {
		if (syn->final)
			return;
		if (vs_sk_net(sk) != nc ||
		    !vs_may_have4(sk, syn->net, syn->hnum, syn->daddr4) ||
		    !inet_sk_bound_dev_eq(syn->net, sk->sk_bound_dev_if,
					  syn->dif, syn->sdif) ||
		    vs_score(sk, PF_INET) <= syn->best)
			continue;
		chosen = inet_lookup_reuseport(syn->net, sk, syn->skb, syn->doff,
					       syn->saddr4, syn->sport,
					       syn->daddr4, syn->hnum,
					       inet_ehashfn);
		syn->final = chosen;
		syn->result = chosen ?: sk;
		syn->best = vs_score(sk, PF_INET);
	}
}

struct sock *__vs_tcp_lookup4(const struct net *net, struct sk_buff *skb,
			      int doff, __be32 saddr, __be16 sport,
			      __be32 daddr, unsigned short hnum, int dif,
			      int sdif)
{
	struct vs_syn syn = {
		.net = net, .skb = skb, .doff = doff, .saddr4 = saddr,
		.daddr4 = daddr, .sport = sport, .hnum = hnum, .dif = dif,
		.sdif = sdif,
	};
	struct in6_addr ip;

	ipv6_addr_set_v4mapped(daddr, &ip);
	vs_index_visit(&ip, vs_ask4, &syn);
	if (ipv4_is_loopback(daddr))
		vs_loopback_visit(daddr, vs_ask4, &syn);
	return syn.result ?: vs_nobody4(daddr);
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

static void vs_ask6(const struct vs_net *nc, void *data)
{
	struct vs_syn *syn = data;
	struct inet_hashinfo *hashinfo = syn->net->ipv4.tcp_death_row.hashinfo;
	u32 hash = ipv6_portaddr_hash(syn->net, &in6addr_any, syn->hnum);
	struct inet_listen_hashbucket *bucket =
		inet_lhash2_bucket(hashinfo, hash ^ vs_salt(nc));
	struct hlist_nulls_node *node;
	struct sock *sk, *chosen;

	sk_nulls_for_each_rcu(sk, node, &bucket->nulls_head) {
		if (syn->final)
			return;
		if (vs_sk_net(sk) != nc ||
		    !vs_may_have6(sk, syn->net, syn->hnum, syn->daddr6,
				  syn->dif) ||
		    !inet_sk_bound_dev_eq(syn->net, sk->sk_bound_dev_if,
					  syn->dif, syn->sdif) ||
		    vs_score(sk, PF_INET6) <= syn->best)
			continue;
		chosen = inet6_lookup_reuseport(syn->net, sk, syn->skb,
						syn->doff, syn->saddr6,
						syn->sport, syn->daddr6,
						syn->hnum, inet6_ehashfn);
		syn->final = chosen;
		syn->result = chosen ?: sk;
		syn->best = vs_score(sk, PF_INET6);
	}
}

struct sock *__vs_tcp_lookup6(const struct net *net, struct sk_buff *skb,
			      int doff, const struct in6_addr *saddr,
			      __be16 sport, const struct in6_addr *daddr,
			      unsigned short hnum, int dif, int sdif)
{
	struct vs_syn syn = {
		.net = net, .skb = skb, .doff = doff, .saddr6 = saddr,
		.daddr6 = daddr, .sport = sport, .hnum = hnum, .dif = dif,
		.sdif = sdif,
	};

	vs_index_visit(daddr, vs_ask6, &syn);
	if (vs_private6(daddr))
		vs_loopback_visit(daddr->s6_addr32[3], vs_ask6, &syn);
	return syn.result ?: vs_nobody6(daddr);
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
