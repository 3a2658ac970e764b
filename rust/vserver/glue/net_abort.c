// SPDX-License-Identifier: GPL-2.0
/*
 * Connections on an address that a network context has lost.
 *
 * Listeners and unconnected sockets find out by themselves: every packet is
 * compared with the set. A connection is found by its four numbers alone, so it
 * is closed here, with a reset, as `ss --kill` does.
 */
#include <linux/export.h>
#include <net/inet_hashtables.h>
#include <net/request_sock.h>
#include <net/tcp.h>
#include <net/udp.h>

#include "net.h"

/* @sk is of @net and has an address that @net does not have. Any lock. */
static bool vs_sk_lost(const struct sock *sk, const struct vs_net *net)
{
	const struct vs_net_set *set;

	if (sk->sk_state == TCP_TIME_WAIT)
		return false;
	if (vs_sk_net(sk->sk_state == TCP_NEW_SYN_RECV ?
		      inet_reqsk((struct sock *)sk)->rsk_listener : sk) != net)
		return false;
	guard(rcu)();
	set = vs_net_set(net);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 &&
	    !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr)) {
		if (vs_private6(&sk->sk_v6_rcv_saddr))
			return sk->sk_v6_rcv_saddr.s6_addr32[3] !=
			       (__force __be32)set->loopback;
		return !ipv6_addr_any(&sk->sk_v6_rcv_saddr) &&
		       !ipv6_addr_loopback(&sk->sk_v6_rcv_saddr) &&
		       !vs_own6(set, &sk->sk_v6_rcv_saddr);
	}
#endif
	return sk->sk_rcv_saddr && sk->sk_rcv_saddr != htonl(INADDR_LOOPBACK) &&
	       !ipv4_is_multicast(sk->sk_rcv_saddr) &&
	       !vs_bind4(set, sk->sk_rcv_saddr);
}

/* The first lost connection of a chain, counted; NULL when there is none. */
static struct sock *vs_lost_tcp(struct inet_hashinfo *hashinfo,
				unsigned int bucket, const struct vs_net *net)
{
	struct inet_ehash_bucket *head = &hashinfo->ehash[bucket];
	spinlock_t *lock = inet_ehash_lockp(hashinfo, bucket);
	struct hlist_nulls_node *node;
	struct sock *sk;

	if (hlist_nulls_empty(&head->chain))
		return NULL;
	guard(spinlock_bh)(lock);
	sk_nulls_for_each(sk, node, &head->chain)
		if (vs_sk_lost(sk, net) &&
		    refcount_inc_not_zero(&sk->sk_refcnt))
			return sk;
	return NULL;
}

static void vs_abort_tcp(struct inet_hashinfo *hashinfo,
			 const struct vs_net *net)
{
	struct sock *sk;

	for (unsigned int i = 0; i <= hashinfo->ehash_mask; i++) {
		while ((sk = vs_lost_tcp(hashinfo, i, net))) {
			tcp_abort(sk, ECONNABORTED);
			sock_gen_put(sk);
			cond_resched();
		}
		cond_resched();
	}
}

/* The first connected datagram socket of a chain that is lost, counted. */
static struct sock *vs_lost_udp(struct udp_hslot *slot, const struct vs_net *net)
{
	struct sock *sk;

	if (hlist_empty(&slot->head))
		return NULL;
	guard(spinlock_bh)(&slot->lock);
	sk_for_each(sk, &slot->head)
		if (sk->sk_state == TCP_ESTABLISHED && vs_sk_lost(sk, net) &&
		    refcount_inc_not_zero(&sk->sk_refcnt))
			return sk;
	return NULL;
}

static void vs_abort_udp(struct udp_table *table, const struct vs_net *net)
{
	struct sock *sk;

	for (unsigned int i = 0; i <= table->mask; i++) {
		while ((sk = vs_lost_udp(&table->hash[i], net))) {
			udp_abort(sk, ECONNABORTED);
			sock_put(sk);
			cond_resched();
		}
		cond_resched();
	}
}

/**
 * vs_net_abort() - close the connections on addresses that are lost
 * @net: its new addresses are published.
 *
 * Reset connections show ECONNABORTED. May sleep, takes socket locks; the caller
 * is in the shared stack or does not reach any of its sockets.
 */
void vs_net_abort(struct vs_net *net)
{
	struct net *stack = current->nsproxy->net_ns;

	if (stack->net_cookie != net->home)
		return;
	/* Packets that were looked up in the old set have become requests. */
	synchronize_net();
	vs_abort_tcp(stack->ipv4.tcp_death_row.hashinfo, net);
	vs_abort_udp(stack->ipv4.udp_table, net);
	/*
	 * Who took a source from the old set and was not in a table yet looks
	 * for its route again, where the source is refused.
	 */
	rt_genid_bump_all(stack);
}
EXPORT_SYMBOL_GPL(vs_net_abort);
