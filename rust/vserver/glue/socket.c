// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets of network contexts: who owns a socket, what it may be bound to, and
 * when two sockets are in each other's way (semantics.md, section 9).
 *
 * A socket takes the network context of the task that makes it and keeps it:
 * accepted sockets take that of their listener. Sockets that the kernel makes
 * for itself have none, whoever caused them. Security hooks see the address of a
 * system call as a copy in the kernel before the protocol does; where a guest's
 * word for an address means another one, they replace it there.
 */
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/tcp.h>
#include <linux/vserver_limit.h>
#include <net/inet_sock.h>
#include <net/request_sock.h>

#include "net.h"

/*
 * Families that a guest may use on the shared stack. Others reach interfaces
 * themselves, or have addresses that nobody keeps apart.
 */
static bool vs_family_shared(int family)
{
	switch (family) {
	case AF_UNIX:
	case AF_INET:
	case AF_INET6:
	case AF_NETLINK:
	case AF_ALG:
		return true;
	default:
		return false;
	}
}

/* Protocols whose sockets are looked up and sent through paths that ask us. */
static bool vs_protocol_shared(int type, int protocol)
{
	switch (type) {
	case SOCK_STREAM:
		return protocol == IPPROTO_IP || protocol == IPPROTO_TCP ||
		       protocol == IPPROTO_MPTCP;
	case SOCK_DGRAM:
		return protocol == IPPROTO_IP || protocol == IPPROTO_UDP ||
		       protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
	case SOCK_RAW:
		return true;
	default:
		return false;
	}
}

/**
 * vs_socket_create() - may the current task make such a socket?
 *
 * Return: 0, -EPERM for sockets on interfaces, -EAFNOSUPPORT for a family without
 * an address, -EPROTONOSUPPORT for protocols that are not shared.
 */
int vs_socket_create(int family, int type, int protocol, int kern)
{
	struct vs_net *net = kern ? NULL : vs_current_net();
	const struct vs_net_set *set;

	if (!net)
		return 0;
	if (family == AF_PACKET)
		return -EPERM;
	if (!vs_family_shared(family))
		return -EAFNOSUPPORT;
	if (family == AF_NETLINK)
		return vs_netlink_shared(protocol) ? 0 : -EPROTONOSUPPORT;
	if (family != AF_INET && family != AF_INET6)
		return 0;
	if (!vs_protocol_shared(type, protocol))
		return -EPROTONOSUPPORT;
	/* The header of such a packet would be the guest's word for its source. */
	if (family == AF_INET6 && type == SOCK_RAW && protocol == IPPROTO_RAW)
		return -EPERM;

	guard(rcu)();
	set = vs_net_set(net);
	if (!set)
		return -EAFNOSUPPORT;
	if (family == AF_INET6)
		return set->entries6 ? 0 : -EAFNOSUPPORT;
	return set->entries4 || vs_net_flag(net, VS_NET_LBACK_REMAP) ?
		0 : -EAFNOSUPPORT;
}

static void vs_sk_attach(struct sock *sk, struct vs_net *net)
{
	struct vs_sock *vs = vs_sock_of(sk);

	if (vs->net)
		vs_object_put(&vs->net->obj);
	if (net)
		vs_object_get(&net->obj);
	WRITE_ONCE(vs->net, net);
}

/* Errors: -ENFILE when the context may have no more sockets. */
int vs_socket_post_create(struct socket *sock, int family, int type,
			  int protocol, int kern)
{
	struct vs_ctx *ctx = kern || !sock->sk ? NULL : vs_current_ctx();
	struct vs_net *net;

	if (kern || !sock->sk)
		return 0;
	if (ctx) {
		if (!vs_limit_charge(ctx, VS_SOCKETS, 1))
			return -ENFILE;
		vs_sock_of(sock->sk)->payer = ctx->obj.instance;
	}
	net = vs_current_net();
	if (!net)
		return 0;
	vs_sk_attach(sock->sk, net);
	/* A raw socket has taken packets since before it had an owner. */
	if (type == SOCK_RAW && (family == AF_INET || family == AF_INET6)) {
		synchronize_net();
		skb_queue_purge(&sock->sk->sk_receive_queue);
	}
	return 0;
}

/* A connection that a listener accepts, in any context. */
void vs_sk_clone(const struct sock *sk, struct sock *newsk)
{
	u64 payer = vs_sock_of(sk)->payer;
	struct vs_ctx *ctx;

	vs_sk_attach(newsk, vs_sk_net(sk));
	if (!payer)
		return;
	guard(rcu)();
	ctx = vs_ctx_of_instance(payer);
	/* Whoever connects is not told that there are too many; accept() is. */
	if (ctx) {
		vs_limit_add(ctx, VS_SOCKETS, 1);
		vs_sock_of(newsk)->payer = payer;
	}
}

void vs_sk_free(struct sock *sk)
{
	u64 payer = vs_sock_of(sk)->payer;

	vs_sk_attach(sk, NULL);
	if (payer)
		vs_limit_uncharge_instance(payer, VS_SOCKETS);
}

/* A connection counts since it was made; it cannot be had while there are too many. */
int vs_socket_accept(struct socket *sock, struct socket *newsock)
{
	struct vs_ctx *ctx = vs_current_ctx();
	s64 value;

	if (!ctx)
		return 0;
	value = atomic64_read(&ctx->limits[VS_SOCKETS].value);
	if (likely(value <= atomic64_read(&ctx->limits[VS_SOCKETS].ceiling)))
		return 0;
	vs_limit_hit(ctx, VS_SOCKETS, value);
	return -ENFILE;
}

/* The kernel makes subflows for itself, but they speak for the connection. */
int vs_mptcp_add_subflow(struct sock *sk, struct sock *ssk)
{
	vs_sk_attach(ssk, vs_sk_net(sk));
	/* They are bound to what the connection is, see vs_bind_address6(). */
	if (vs_sk_net(sk) && ssk->sk_family == AF_INET6)
		inet_set_bit(FREEBIND, ssk);
	return 0;
}

/**
 * vs_bind_address4() - what an IPv4 address means in bind()
 * @net: network context of the socket.
 * @ip: replaced.
 *
 * Return: 0, or -EADDRNOTAVAIL for an address of others.
 */
static int vs_bind_address4(const struct vs_net *net, __be32 *ip)
{
	const struct vs_net_set *set;

	guard(rcu)();
	set = vs_net_set(net);
	if (*ip == htonl(INADDR_ANY)) {
		if (vs_net_flag(net, VS_NET_SINGLE_IP) && set->n_list4)
			*ip = (__force __be32)set->list4[0].ip;
		return 0;
	}
	if (*ip == htonl(INADDR_LOOPBACK)) {
		if (vs_net_flag(net, VS_NET_LBACK_REMAP))
			*ip = (__force __be32)set->loopback;
		else if (!vs_net_flag(net, VS_NET_LBACK_ALLOW) &&
			 !vs_own4(set, *ip))
			return -EADDRNOTAVAIL;
		return 0;
	}
	if (ipv4_is_multicast(*ip) && vs_net_cap(net, VS_NCAP_MULTICAST))
		return 0;
	return vs_bind4(set, *ip) ? 0 : -EADDRNOTAVAIL;
}

/*
 * The loopback as a destination in IPv4. The flow would do, but for a datagram in
 * parts: the protocol keeps the address as it was said for the parts that follow.
 */
static void vs_destination4(const struct vs_net *net, __be32 *ip)
{
	if (*ip != htonl(INADDR_ANY) && !ipv4_is_loopback(*ip))
		return;
	if (!vs_net_flag(net, VS_NET_LBACK_REMAP))
		return;
	guard(rcu)();
	*ip = (__force __be32)vs_net_set(net)->loopback;
}

#if IS_ENABLED(CONFIG_IPV6)
static int vs_bind_address6(const struct vs_net *net, struct sock *sk,
			    struct in6_addr *ip)
{
	const struct vs_net_set *set;

	if (ipv6_addr_any(ip))
		return 0;
	if (ipv6_addr_v4mapped(ip))
		return vs_bind_address4(net, &ip->s6_addr32[3]);
	if (ipv6_addr_loopback(ip) && vs_net_flag(net, VS_NET_LBACK_REMAP)) {
		vs_loopback6_route(sock_net(sk));
		/* No interface has this address, only a route says it is ours. */
		inet_set_bit(FREEBIND, sk);
		guard(rcu)();
		vs_private6_of(vs_net_set(net), ip);
		return 0;
	}
	if (ipv6_addr_loopback(ip) && vs_net_flag(net, VS_NET_LBACK_ALLOW))
		return 0;
	if (ipv6_addr_is_multicast(ip) && vs_net_cap(net, VS_NCAP_MULTICAST))
		return 0;

	guard(rcu)();
	set = vs_net_set(net);
	return vs_own6(set, ip) ? 0 : -EADDRNOTAVAIL;
}

/* An IPv6 socket stores its peer before it looks for a route. */
static void vs_destination6(const struct vs_net *net, struct sock *sk,
			    void *address, int addrlen)
{
	struct sockaddr_in6 *sin6 = address;

	if (addrlen < SIN6_LEN_RFC2133 || sin6->sin6_family != AF_INET6)
		return;
	if (!vs_net_flag(net, VS_NET_LBACK_REMAP))
		return;
	if (ipv6_addr_v4mapped(&sin6->sin6_addr)) {
		vs_destination4(net, &sin6->sin6_addr.s6_addr32[3]);
		return;
	}
	if (ipv6_addr_any(&sin6->sin6_addr)) {
		/* Means the loopback of the family that the socket speaks. */
		if (ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr))
			return;
	} else if (!ipv6_addr_loopback(&sin6->sin6_addr)) {
		return;
	}
	vs_loopback6_route(sock_net(sk));
	guard(rcu)();
	vs_private6_of(vs_net_set(net), &sin6->sin6_addr);
}
#else
static int vs_bind_address6(const struct vs_net *net, struct sock *sk,
			    struct in6_addr *ip)
{
	return -EADDRNOTAVAIL;
}

static void vs_destination6(const struct vs_net *net, struct sock *sk,
			    void *address, int addrlen)
{
}
#endif

int vs_socket_bind(struct socket *sock, struct sockaddr *address, int addrlen)
{
	struct vs_net *net = sock->sk ? vs_sk_net(sock->sk) : NULL;

	if (!net)
		return 0;
	if (sock->sk->sk_family == AF_INET &&
	    addrlen >= (int)sizeof(struct sockaddr_in)) {
		struct sockaddr_in *sin = (struct sockaddr_in *)address;

		/* bind() takes AF_UNSPEC for it where the address is 0. */
		if (sin->sin_family == AF_INET || sin->sin_family == AF_UNSPEC)
			return vs_bind_address4(net, &sin->sin_addr.s_addr);
	} else if (sock->sk->sk_family == AF_INET6 &&
		   addrlen >= SIN6_LEN_RFC2133) {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)address;

		if (sin6->sin6_family == AF_INET6)
			return vs_bind_address6(net, sock->sk, &sin6->sin6_addr);
	}
	return 0;
}

/*
 * No loopback or unspecified address, whatever that means: asked for every datagram, of
 * the host too, before anything else.
 */
static bool vs_is_elsewhere(const struct sock *sk, const void *address,
			    int addrlen)
{
	const struct sockaddr_in *sin = address;
	const struct sockaddr_in6 *sin6 = address;

	if (sk->sk_family == AF_INET)
		return addrlen >= (int)sizeof(*sin) && sin->sin_addr.s_addr &&
		       !ipv4_is_loopback(sin->sin_addr.s_addr);
	/* Mapped addresses begin with zeros too. */
	return sk->sk_family == AF_INET6 && addrlen >= SIN6_LEN_RFC2133 &&
	       sin6->sin6_family == AF_INET6 &&
	       (sin6->sin6_addr.s6_addr32[0] || sin6->sin6_addr.s6_addr32[1]);
}

/* A destination as a guest says it: refused, replaced or left as it is. */
static noinline int vs_destination_near(struct sock *sk, void *address,
					int addrlen)
{
	const struct vs_net *net = vs_sk_net(sk);

	if (!net)
		return 0;
	if (sk->sk_family == AF_NETLINK)
		return vs_netlink_address(address, addrlen);
	if (addrlen < (int)sizeof(struct sockaddr_in))
		return 0;
	/* An IPv6 socket takes IPv4 addresses, IPv4 datagrams AF_UNSPEC. */
	if (sk->sk_family == AF_INET ||
	    (sk->sk_family == AF_INET6 &&
	     ((struct sockaddr *)address)->sa_family == AF_INET))
		vs_destination4(net, &((struct sockaddr_in *)address)->sin_addr.s_addr);
	else if (sk->sk_family == AF_INET6)
		vs_destination6(net, sk, address, addrlen);
	return 0;
}

static int vs_destination(struct socket *sock, void *address, int addrlen)
{
	/* What a program has as a socket has the part of the protocol too. */
	if (!address || likely(vs_is_elsewhere(sock->sk, address, addrlen)))
		return 0;
	return vs_destination_near(sock->sk, address, addrlen);
}

int vs_socket_connect(struct socket *sock, struct sockaddr *address,
		      int addrlen)
{
	return vs_destination(sock, address, addrlen);
}

/*
 * sendmmsg() leaves this hook out for an address that it has sent to before; it
 * remembers the address that we have put there, so the common one comes here
 * again.
 */
int vs_socket_sendmsg(struct socket *sock, struct msghdr *msg, int size)
{
	return vs_destination(sock, msg->msg_name, msg->msg_namelen);
}

int vs_socket_setsockopt(struct socket *sock, int level, int optname)
{
	/* Raw sockets take the option on two levels; on the second IPv4 has others. */
	if (optname == IPV6_HDRINCL && sock->sk &&
	    (level == SOL_IPV6 || (level == SOL_RAW && sock->sk->sk_family == AF_INET6)) &&
	    vs_sk_net(sock->sk))
		return -EPERM;
	return 0;
}

/* May raw sockets of this protocol do without CAP_NET_RAW? */
bool __vs_raw_icmp(int protocol)
{
	struct vs_net *net = vs_current_net();

	return net && (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6) &&
	       vs_net_cap(net, VS_NCAP_RAW_ICMP);
}

/* The network context that a socket, or what is left of it, speaks for. */
bool __vs_sk_guest(const struct sock *sk)
{
	return vs_sk_net(sk);
}

bool __vs_sk_same(const struct sock *a, const struct sock *b)
{
	return !sk_fullsock(a) || !sk_fullsock(b) ||
	       vs_sk_net(a) == vs_sk_net(b);
}

static bool vs_sk_any(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return ipv6_addr_any(&sk->sk_v6_rcv_saddr);
#endif
	return !sk->sk_rcv_saddr;
}

/* The address that @sk is bound to is one that the wildcards of @net mean. */
static bool vs_wildcard_has(const struct vs_net *net, const struct sock *sk)
{
	const struct vs_net_set *set = vs_net_set(net);

	if (sk->sk_family == AF_INET)
		return vs_bind4(set, sk->sk_rcv_saddr);
#if IS_ENABLED(CONFIG_IPV6)
	if (ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr))
		return vs_bind4(set, sk->sk_v6_rcv_saddr.s6_addr32[3]);
	if (vs_private6(&sk->sk_v6_rcv_saddr))
		return sk->sk_v6_rcv_saddr.s6_addr32[3] ==
		       (__force __be32)set->loopback;
	return vs_own6(set, &sk->sk_v6_rcv_saddr);
#else
	return true;
#endif
}

static bool vs_wildcards_meet(const struct sock *a, const struct vs_net *na,
			      const struct sock *b, const struct vs_net *nb)
{
	const struct vs_net_set *sa = vs_net_set(na), *sb = vs_net_set(nb);

	if (!ipv6_only_sock(a) && !ipv6_only_sock(b) && vs_sets_meet4(sa, sb))
		return true;
	return a->sk_family == AF_INET6 && b->sk_family == AF_INET6 &&
	       vs_sets_meet6(sa, sb);
}

/* Any context; the bucket locks of the caller keep both sockets. */
bool __vs_sk_overlap(const struct sock *sk, const struct sock *sk2)
{
	const struct vs_net *net = vs_sk_net(sk), *net2;
	bool any = vs_sk_any(sk), any2 = vs_sk_any(sk2);

	guard(rcu)();
	if (!sk_fullsock(sk2)) {
		/* Nobody knows whose it was, but it had an address. */
		return !net || !any || vs_wildcard_has(net, sk2);
	}
	net2 = vs_sk_net(sk2);
	if (net == net2 || (!any && !any2))
		return true;
	/* The host's wildcard comes after everything that guests have. */
	if ((any && !net) || (any2 && !net2))
		return false;
	if (any && any2)
		return vs_wildcards_meet(sk, net, sk2, net2);
	return any ? vs_wildcard_has(net, sk2) : vs_wildcard_has(net2, sk);
}
