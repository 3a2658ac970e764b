// SPDX-License-Identifier: GPL-2.0
/*
 * Which socket a packet reaches.
 *
 * The kernel looks for listeners in two steps: those on the destination, then
 * those on the wildcard, and forgets the destination in the second. A guest's
 * wildcard means its own addresses, so it is asked between the two, with the
 * destination at hand; both steps of the kernel pass over it.
 *
 * The wildcards of a network context are in a bucket of their own, so that a packet
 * does not pay for the guests that listen on the same port.
 *
 * Everything here runs in softirq under RCU; listeners and datagram sockets are
 * freed after a grace period.
 */
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/udp.h>

#include "net_index.h"

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

/* What nobody listens on: the private loopback is not for the host. */
static struct sock *vs_nobody4(__be32 daddr)
{
	return ipv4_is_loopback(daddr) && vs_loopback_taken(daddr) ?
		ERR_PTR(-ENOENT) : NULL;
}

/* Score of a wildcard; at least 1. */
static int vs_score(const struct sock *sk, int family)
{
	int score = READ_ONCE(sk->sk_bound_dev_if) ? 5 : 1;

	if (sk->sk_family == family)
		score += 2;
	if (READ_ONCE(sk->sk_incoming_cpu) == raw_smp_processor_id())
		score++;
	return score;
}

/* What the hash of the wildcards of @nc has in place of one of their address. */
static u32 vs_salt(const struct vs_net *nc)
{
	return nc->salt;
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
	/* Both families hash the wildcard to the same. */
	return vs_salt(nc) ^
	       ipv4_portaddr_hash(sock_net(sk), htonl(INADDR_ANY), 0);
}

/*
 * A packet to a port, as the kernel's look-up gets it, and what has been found for
 * it.
 */
struct vs_packet {
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

/* A socket in the bucket of the wildcards of @nc is one of them. */
static bool vs_may_have4(const struct sock *sk, const struct vs_net *nc,
			 const struct vs_packet *packet)
{
	return vs_sk_net(sk) == nc && READ_ONCE(sk->sk_num) == packet->hnum &&
	       !sk->sk_rcv_saddr && !ipv6_only_sock(sk) &&
	       net_eq(sock_net(sk), packet->net);
}

/* Takes @sk, which may have the packet, when it is better than what there was. */
static void vs_take4(struct sock *sk, struct vs_packet *packet,
		     inet_ehashfn_t *ehashfn)
{
	int score = vs_score(sk, PF_INET);
	struct sock *chosen = NULL;

	if (score <= packet->best)
		return;
	if (sk->sk_reuseport)
		chosen = inet_lookup_reuseport(packet->net, sk, packet->skb,
					       packet->doff, packet->saddr4,
					       packet->sport, packet->daddr4,
					       packet->hnum, ehashfn);
	packet->final = chosen;
	packet->result = chosen ?: sk;
	packet->best = score;
}

/* Asks the listening wildcards of @nc, which owns the destination. */
static __always_inline void vs_ask_tcp4(const struct vs_net *nc, void *data)
{
	struct vs_packet *packet = data;
	struct inet_listen_hashbucket *bucket =
		inet_lhash2_bucket(packet->net->ipv4.tcp_death_row.hashinfo,
				   vs_salt(nc) ^ packet->hnum);
	struct hlist_nulls_node *node;
	struct sock *sk;

	sk_nulls_for_each_rcu(sk, node, &bucket->nulls_head) {
		if (packet->final)
			return;
		if (vs_may_have4(sk, nc, packet) &&
		    inet_sk_bound_dev_eq(packet->net, sk->sk_bound_dev_if,
					 packet->dif, packet->sdif))
			vs_take4(sk, packet, inet_ehashfn);
	}
}

/* The same for datagrams. */
static __always_inline void vs_ask_udp4(const struct vs_net *nc, void *data)
{
	struct vs_packet *packet = data;
	struct udp_hslot *slot = udp_hashslot2(packet->net->ipv4.udp_table,
					       vs_salt(nc) ^ packet->hnum);
	struct sock *sk;

	udp_portaddr_for_each_entry_rcu(sk, &slot->head) {
		const struct inet_sock *inet = inet_sk(sk);

		if (packet->final)
			return;
		if (vs_may_have4(sk, nc, packet) &&
		    (!inet->inet_daddr || inet->inet_daddr == packet->saddr4) &&
		    (!inet->inet_dport || inet->inet_dport == packet->sport) &&
		    udp_sk_bound_dev_eq(packet->net, sk->sk_bound_dev_if,
					packet->dif, packet->sdif))
			vs_take4(sk, packet, udp_ehashfn);
	}
}

static __always_inline struct sock *
vs_find_owner4(struct vs_packet *packet,
	       void (*ask)(const struct vs_net *nc, void *packet))
{
	struct in6_addr ip;

	if (unlikely(ipv4_is_loopback(packet->daddr4))) {
		vs_loopback_visit(packet->daddr4, ask, packet);
		if (!packet->result)
			return vs_nobody4(packet->daddr4);
		return packet->result;
	}
	ipv6_addr_set_v4mapped(packet->daddr4, &ip);
	vs_index_visit(&ip, ask, packet);
	return packet->result;
}

struct sock *__vs_tcp_lookup4(const struct net *net, struct sk_buff *skb,
			      int doff, __be32 saddr, __be16 sport,
			      __be32 daddr, unsigned short hnum, int dif,
			      int sdif)
{
	struct vs_packet packet = {
		.net = net, .skb = skb, .doff = doff, .saddr4 = saddr,
		.daddr4 = daddr, .sport = sport, .hnum = hnum, .dif = dif,
		.sdif = sdif,
	};

	return vs_find_owner4(&packet, vs_ask_tcp4);
}

/*
 * The one datagram socket in the bucket of the wildcards of @nc on a port, as a rule.
 * Return: NULL when there is none, or are several.
 */
static __always_inline struct sock *
vs_udp_sole(const struct vs_net *nc, const struct net *net, unsigned short hnum)
{
	struct udp_hslot *slot = udp_hashslot2(net->ipv4.udp_table,
					       vs_salt(nc) ^ hnum);
	struct hlist_node *node = rcu_dereference_raw(hlist_first_rcu(&slot->head));
	struct sock *sk;

	if (!node || rcu_dereference_raw(hlist_next_rcu(node)))
		return NULL;
	sk = hlist_entry(node, struct sock, __sk_common.skc_portaddr_node);
	if (READ_ONCE(sk->sk_num) != hnum || vs_sk_net(sk) != nc ||
	    !net_eq(sock_net(sk), net))
		return NULL;
	return sk;
}

/*
 * A wildcard takes all IPv4 packets to its port: no other one that shares the port, no
 * peer and no interface matters.
 */
static bool vs_takes_all4(const struct sock *sk)
{
	return !(sk->sk_reuseport | sk->sk_ipv6only) && !sk->sk_addrpair &&
	       !sk->sk_dport && !READ_ONCE(sk->sk_bound_dev_if);
}

static noinline struct sock *
vs_udp_search4(const struct net *net, struct sk_buff *skb, __be32 saddr,
	       __be16 sport, __be32 daddr, unsigned short hnum, int dif,
	       int sdif)
{
	struct vs_packet packet = {
		.net = net, .skb = skb, .doff = sizeof(struct udphdr),
		.saddr4 = saddr, .daddr4 = daddr, .sport = sport, .hnum = hnum,
		.dif = dif, .sdif = sdif,
	};

	return vs_find_owner4(&packet, vs_ask_udp4);
}

struct sock *__vs_udp_lookup4(const struct net *net, struct sk_buff *skb,
			      __be32 saddr, __be16 sport, __be32 daddr,
			      unsigned short hnum, int dif, int sdif)
{
	const struct vs_net *nc;
	struct sock *sk;

	/* The loopback is found by the way of its own. */
	nc = ipv4_is_loopback(daddr) ? NULL : vs_sole_owner4(daddr);
	if (likely(nc && !sdif)) {
		sk = vs_udp_sole(nc, net, hnum);
		if (likely(sk && vs_takes_all4(sk)))
			return sk;
	}
	return vs_udp_search4(net, skb, saddr, sport, daddr, hnum, dif, sdif);
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

static bool vs_may_have6(const struct sock *sk, const struct vs_net *nc,
			 const struct vs_packet *packet)
{
	return vs_sk_net(sk) == nc && READ_ONCE(sk->sk_num) == packet->hnum &&
	       sk->sk_family == PF_INET6 &&
	       ipv6_addr_any(&sk->sk_v6_rcv_saddr) &&
	       net_eq(sock_net(sk), packet->net);
}

static void vs_take6(struct sock *sk, struct vs_packet *packet,
		     inet6_ehashfn_t *ehashfn)
{
	int score = vs_score(sk, PF_INET6);
	struct sock *chosen = NULL;

	if (score <= packet->best)
		return;
	if (sk->sk_reuseport)
		chosen = inet6_lookup_reuseport(packet->net, sk, packet->skb,
						packet->doff, packet->saddr6,
						packet->sport, packet->daddr6,
						packet->hnum, ehashfn);
	packet->final = chosen;
	packet->result = chosen ?: sk;
	packet->best = score;
}

static __always_inline void vs_ask_tcp6(const struct vs_net *nc, void *data)
{
	struct vs_packet *packet = data;
	struct inet_listen_hashbucket *bucket =
		inet_lhash2_bucket(packet->net->ipv4.tcp_death_row.hashinfo,
				   vs_salt(nc) ^ packet->hnum);
	struct hlist_nulls_node *node;
	struct sock *sk;

	sk_nulls_for_each_rcu(sk, node, &bucket->nulls_head) {
		if (packet->final)
			return;
		if (vs_may_have6(sk, nc, packet) &&
		    inet_sk_bound_dev_eq(packet->net, sk->sk_bound_dev_if,
					 packet->dif, packet->sdif))
			vs_take6(sk, packet, inet6_ehashfn);
	}
}

static __always_inline void vs_ask_udp6(const struct vs_net *nc, void *data)
{
	struct vs_packet *packet = data;
	struct udp_hslot *slot = udp_hashslot2(packet->net->ipv4.udp_table,
					       vs_salt(nc) ^ packet->hnum);
	struct sock *sk;

	udp_portaddr_for_each_entry_rcu(sk, &slot->head) {
		__be16 dport = inet_sk(sk)->inet_dport;

		if (packet->final)
			return;
		if (vs_may_have6(sk, nc, packet) &&
		    (!dport || dport == packet->sport) &&
		    (ipv6_addr_any(&sk->sk_v6_daddr) ||
		     ipv6_addr_equal(&sk->sk_v6_daddr, packet->saddr6)) &&
		    udp_sk_bound_dev_eq(packet->net,
					READ_ONCE(sk->sk_bound_dev_if),
					packet->dif, packet->sdif))
			vs_take6(sk, packet, inet6_ehashfn);
	}
}

static __always_inline struct sock *
vs_find_owner6(struct vs_packet *packet,
	       void (*ask)(const struct vs_net *nc, void *packet))
{
	const struct in6_addr *daddr = packet->daddr6;

	if (unlikely(vs_private6(daddr))) {
		/* Routes make it local whichever way it comes in. */
		if (!packet->dif || packet->dif == VS_LOOPBACK_IFINDEX)
			vs_loopback_visit(daddr->s6_addr32[3], ask, packet);
		return packet->result ?: ERR_PTR(-ENOENT);
	}
	vs_index_visit(daddr, ask, packet);
	return packet->result;
}

struct sock *__vs_tcp_lookup6(const struct net *net, struct sk_buff *skb,
			      int doff, const struct in6_addr *saddr,
			      __be16 sport, const struct in6_addr *daddr,
			      unsigned short hnum, int dif, int sdif)
{
	struct vs_packet packet = {
		.net = net, .skb = skb, .doff = doff, .saddr6 = saddr,
		.daddr6 = daddr, .sport = sport, .hnum = hnum, .dif = dif,
		.sdif = sdif,
	};

	return vs_find_owner6(&packet, vs_ask_tcp6);
}

/* As vs_takes_all4(). */
static bool vs_takes_all6(const struct sock *sk)
{
	return !sk->sk_reuseport && sk->sk_family == PF_INET6 && !sk->sk_dport &&
	       !READ_ONCE(sk->sk_bound_dev_if) &&
	       ipv6_addr_any(&sk->sk_v6_rcv_saddr) && ipv6_addr_any(&sk->sk_v6_daddr);
}

static noinline struct sock *
vs_udp_search6(const struct net *net, struct sk_buff *skb,
	       const struct in6_addr *saddr, __be16 sport,
	       const struct in6_addr *daddr, unsigned short hnum, int dif,
	       int sdif)
{
	struct vs_packet packet = {
		.net = net, .skb = skb, .doff = sizeof(struct udphdr),
		.saddr6 = saddr, .daddr6 = daddr, .sport = sport, .hnum = hnum,
		.dif = dif, .sdif = sdif,
	};

	return vs_find_owner6(&packet, vs_ask_udp6);
}

struct sock *__vs_udp_lookup6(const struct net *net, struct sk_buff *skb,
			      const struct in6_addr *saddr, __be16 sport,
			      const struct in6_addr *daddr,
			      unsigned short hnum, int dif, int sdif)
{
	const struct vs_net *nc;
	struct sock *sk;

	nc = vs_private6(daddr) ? NULL : vs_sole_owner(daddr);
	if (likely(nc && !sdif)) {
		sk = vs_udp_sole(nc, net, hnum);
		if (likely(sk && vs_takes_all6(sk)))
			return sk;
	}
	return vs_udp_search6(net, skb, saddr, sport, daddr, hnum, dif, sdif);
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
