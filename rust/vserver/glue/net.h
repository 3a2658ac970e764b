/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the shared stack have in common: the addresses of a network
 * context and what a socket keeps of it.
 */
#ifndef _VSERVER_GLUE_NET_H
#define _VSERVER_GLUE_NET_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/lsm_hooks.h>
#include <linux/netlink.h>
#include <linux/nsproxy.h>
#include <linux/rcupdate.h>
#include <linux/vserver.h>
#include <net/ipv6.h>
#include <net/sock.h>

/* Flags and capabilities of network contexts, as in abi.rs. */
#define VS_NET_SINGLE_IP	0x0000000000000100ULL
#define VS_NET_LBACK_REMAP	0x0000000000000200ULL
#define VS_NET_LBACK_ALLOW	0x0000000000000400ULL
#define VS_NET_HIDE_NETIF	0x0000000002000000ULL
#define VS_NET_HIDE_LBACK	0x0000000004000000ULL
#define VS_NCAP_RAW_ICMP	0x0000000000000100ULL
#define VS_NCAP_MULTICAST	0x0000000000001000ULL

/**
 * struct vs_addrs - a published set of addresses
 * @rcu: frees it.
 * @set: points into @data.
 * @data: the arrays.
 */
struct vs_addrs {
	struct rcu_head rcu;
	struct vs_net_set set;
	u64 data[];
};

/**
 * struct vs_sock - what the module keeps per socket
 * @instance: the context that made a unix socket.
 * @payer: number of the context that the socket counts for, 0 for the host and
 *	for the kernel's own.
 * @net: counted reference on the network context of the socket, NULL for the
 *	host and for the kernel's own. Set before a program sees the socket,
 *	dropped when it is freed.
 */
struct vs_sock {
	u64 instance;
	u64 payer;
	struct vs_net *net;
};

extern struct lsm_blob_sizes vs_blob_sizes;

static inline struct vs_sock *vs_sock_of(const struct sock *sk)
{
	return sk->sk_security + vs_blob_sizes.lbs_sock;
}

/* The network context of a full socket; NULL for the host. */
static inline struct vs_net *vs_sk_net(const struct sock *sk)
{
	return READ_ONCE(vs_sock_of(sk)->net);
}

/* The network context that restricts the current task, or NULL. */
static inline struct vs_net *vs_current_net(void)
{
	struct vs_net *net = current->vs.net;

	if (!net || current->vs.nid == VS_XID_SPECTATOR || !current->nsproxy ||
	    current->nsproxy->net_ns->net_cookie != net->home)
		return NULL;
	return net;
}

static inline bool vs_net_flag(const struct vs_net *net, u64 flag)
{
	return atomic64_read(&net->obj.flags) & flag;
}

static inline bool vs_net_cap(const struct vs_net *net, u64 cap)
{
	return atomic64_read(&net->ncaps) & cap;
}

/* The addresses. Caller holds RCU. NULL only while the object is made. */
static inline const struct vs_net_set *vs_net_set(const struct vs_net *net)
{
	const struct vs_addrs *addrs = rcu_dereference(net->addrs);

	return addrs ? &addrs->set : NULL;
}

/*
 * The private IPv6 loopback of a network context: its IPv4 one in the last word
 * of the unspecified prefix. All of ::127.0.0.0/104 is local to this machine.
 */
static inline bool vs_private6(const struct in6_addr *ip)
{
	return !ip->s6_addr32[0] && !ip->s6_addr32[1] && !ip->s6_addr32[2] &&
	       ipv4_is_loopback(ip->s6_addr32[3]);
}

static inline void vs_private6_of(const struct vs_net_set *set,
				  struct in6_addr *ip)
{
	*ip = (struct in6_addr){ };
	ip->s6_addr32[3] = (__force __be32)set->loopback;
}

/* Most peers are elsewhere; asked for every datagram, before anything else. */
static inline bool vs_may_be_private(const void *name)
{
	const struct sockaddr_in *sin = name;
	const struct sockaddr_in6 *sin6 = name;

	if (sin->sin_family == AF_INET)
		return ipv4_is_loopback(sin->sin_addr.s_addr);
	/* Mapped addresses begin with zeros too. */
	return sin->sin_family == AF_INET6 &&
	       !sin6->sin6_addr.s6_addr32[0] && !sin6->sin6_addr.s6_addr32[1];
}

/* net_index.c */
int vs_index_add(struct vs_net *net, const struct vs_net_set *set,
		 const struct vs_net_set *old);
void vs_index_remove(struct vs_net *net, const struct vs_net_set *old,
		     const struct vs_net_set *set);

/* net_set.c */
bool vs_single4(const struct vs_net_set *set, u32 ip, u32 length);
const struct vs_span6 *vs_find6(const struct vs_net_set *set,
				const struct in6_addr *ip);
void vs_loopback_visit(__be32 ip,
		       void (*visit)(const struct vs_net *net, void *data),
		       void *data);
bool vs_own4(const struct vs_net_set *set, __be32 ip);
bool vs_bind4(const struct vs_net_set *set, __be32 ip);
bool vs_own6(const struct vs_net_set *set, const struct in6_addr *ip);
bool vs_sets_meet4(const struct vs_net_set *a, const struct vs_net_set *b);
bool vs_sets_meet6(const struct vs_net_set *a, const struct vs_net_set *b);
bool vs_loopback_taken(__be32 ip);

/* net_show.c */
const struct vs_net *vs_narrow_net(void);
bool vs_net_shows(const struct vs_net *net, const struct net_device *dev);
bool vs_net_shows4(const struct vs_net *net, __be32 addr);
bool vs_net_shows6(const struct vs_net *net, const struct in6_addr *addr);

/* netlink.c */
bool vs_netlink_shared(int protocol);
int vs_netlink_address(const struct sockaddr_nl *to, int length);
int vs_netlink_send(struct sock *sk, struct sk_buff *skb);

/* net_source.c */
void vs_loopback6_route(struct net *net);

/* socket.c */
int vs_socket_create(int family, int type, int protocol, int kern);
int vs_socket_post_create(struct socket *sock, int family, int type,
			  int protocol, int kern);
int vs_socket_bind(struct socket *sock, struct sockaddr *address, int addrlen);
int vs_socket_accept(struct socket *sock, struct socket *newsock);
int vs_socket_connect(struct socket *sock, struct sockaddr *address,
		      int addrlen);
int vs_socket_sendmsg(struct socket *sock, struct msghdr *msg, int size);
int vs_socket_setsockopt(struct socket *sock, int level, int optname);
void vs_sk_clone(const struct sock *sk, struct sock *newsk);
void vs_sk_free(struct sock *sk);
int vs_mptcp_add_subflow(struct sock *sk, struct sock *ssk);

#endif /* _VSERVER_GLUE_NET_H */
