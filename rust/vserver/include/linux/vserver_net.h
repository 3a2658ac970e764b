/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Network contexts: the calls that the network stack makes.
 *
 * Included by <net/sock.h>, so it is kept free of other headers. A static key
 * guards every call until the first network context is made. A socket without a
 * network context is the host's and is treated as if nothing of this existed.
 */
#ifndef _LINUX_VSERVER_NET_H
#define _LINUX_VSERVER_NET_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct dst_entry;
struct flowi4;
struct flowi6;
struct in6_addr;
struct msghdr;
struct net;
struct net_device;
struct rtable;
struct sk_buff;
struct sock;

/* socket.c */
bool __vs_sk_same(const struct sock *a, const struct sock *b);
bool __vs_sk_overlap(const struct sock *sk, const struct sock *sk2);
bool __vs_sk_guest(const struct sock *sk);
bool __vs_raw_icmp(int protocol);

/* net_lookup.c */
bool __vs_sk_accepts4(const struct sock *sk, __be32 daddr);
bool __vs_sk_accepts6(const struct sock *sk, const struct in6_addr *daddr,
		      int dif);
bool __vs_sk_listens4(const struct sock *sk, __be32 daddr);
bool __vs_sk_listens6(const struct sock *sk, const struct in6_addr *daddr,
		      int dif);
u32 __vs_sk_bucket(const struct sock *sk);
bool __vs_sk_ping(const struct sock *sk, const struct sk_buff *skb);
struct sock *__vs_tcp_lookup4(const struct net *net, struct sk_buff *skb,
			      int doff, __be32 saddr, __be16 sport,
			      __be32 daddr, unsigned short hnum, int dif,
			      int sdif);
struct sock *__vs_tcp_lookup6(const struct net *net, struct sk_buff *skb,
			      int doff, const struct in6_addr *saddr,
			      __be16 sport, const struct in6_addr *daddr,
			      unsigned short hnum, int dif, int sdif);
struct sock *__vs_udp_lookup4(const struct net *net, struct sk_buff *skb,
			      __be32 saddr, __be16 sport, __be32 daddr,
			      unsigned short hnum, int dif, int sdif);
struct sock *__vs_udp_lookup6(const struct net *net, struct sk_buff *skb,
			      const struct in6_addr *saddr, __be16 sport,
			      const struct in6_addr *daddr,
			      unsigned short hnum, int dif, int sdif);

/* net_source.c */
struct rtable *__vs_flow4(struct net *net, const struct sock *sk,
			  struct flowi4 *fl4);
int __vs_flow6(const struct sock *sk, struct flowi6 *fl6);
int __vs_source6(struct net *net, const struct sock *sk, struct dst_entry *dst,
		 struct flowi6 *fl6, int err);
bool __vs_candidate6(unsigned int prefs, const struct in6_addr *addr);
bool __vs_header4(const struct sock *sk, __be32 saddr);

/* net_show.c */
bool __vs_sk_visible(const struct sock *sk);
bool __vs_dev_visible(const struct net_device *dev);
bool __vs_addr4_visible(__be32 addr);
bool __vs_addr6_visible(const struct in6_addr *addr);
void __vs_show_name(const struct sock *sk, void *name);
void __vs_show4(const struct sock *sk, __be32 *a, __be32 *b);
void __vs_show_pair(const struct sock *sk, int family, __be32 *a, __be32 *b);

/* netlink.c */
bool __vs_dump_empty(const struct sock *sk, struct sk_buff *skb, int status);

/* traffic.c */
void __vs_sock_sent(const struct sock *sk, const struct msghdr *msg, int ret);
void __vs_sock_received(const struct sock *sk, struct msghdr *msg, int ret);
void __vs_sock_spliced(const struct sock *sk, ssize_t ret);

#ifdef CONFIG_VSERVER

/* As in <linux/vserver.h>. */
DECLARE_STATIC_KEY_FALSE(vs_active);

static inline bool vs_traffic_enabled(void)
{
	return static_branch_unlikely(&vs_active);
}

/* On from the first network context to the removal of the core. */
DECLARE_STATIC_KEY_FALSE(vs_net_active);

static inline bool vs_net_enabled(void)
{
	return static_branch_unlikely(&vs_net_active);
}

#else /* CONFIG_VSERVER */

/* Constant, so that nothing below is compiled in. */
static inline bool vs_net_enabled(void)
{
	return false;
}

static inline bool vs_traffic_enabled(void)
{
	return false;
}

#endif /* CONFIG_VSERVER */

/* Both sockets are of the same network context or of the host. */
static inline bool vs_sk_same(const struct sock *a, const struct sock *b)
{
	return !vs_net_enabled() || __vs_sk_same(a, b);
}

/**
 * vs_sk_overlap() - can two sockets on one port get in each other's way?
 * @sk: a socket that is being bound.
 * @sk2: another one, or what is left of it in TIME_WAIT.
 *
 * False when their network contexts keep them apart: a wildcard means the
 * addresses of the network context, and the host's comes after all others. When
 * both name an address, comparing these is left to the caller.
 */
static inline bool vs_sk_overlap(const struct sock *sk, const struct sock *sk2)
{
	return !vs_net_enabled() || __vs_sk_overlap(sk, sk2);
}

/* The socket is of a network context. */
static inline bool vs_sk_guest(const struct sock *sk)
{
	return vs_net_enabled() && __vs_sk_guest(sk);
}

/* The current task may open raw ICMP sockets without CAP_NET_RAW. */
static inline bool vs_raw_icmp(int protocol)
{
	return vs_net_enabled() && __vs_raw_icmp(protocol);
}

/**
 * vs_sk_accepts4() - does a packet to @daddr reach @sk?
 * @sk: any full socket.
 * @daddr: where the packet really goes to.
 *
 * Beside the address that the socket is bound to, which the caller compares.
 */
static inline bool vs_sk_accepts4(const struct sock *sk, __be32 daddr)
{
	return !vs_net_enabled() || __vs_sk_accepts4(sk, daddr);
}

/* As vs_sk_accepts4(); the private loopback only through interface @dif. */
static inline bool vs_sk_accepts6(const struct sock *sk,
				  const struct in6_addr *daddr, int dif)
{
	return !vs_net_enabled() || __vs_sk_accepts6(sk, daddr, dif);
}

/*
 * As vs_sk_accepts4() in a look-up that comes with INADDR_ANY for wildcards: the
 * wildcards of guests have been asked before, see vs_tcp_lookup4().
 */
static inline bool vs_sk_listens4(const struct sock *sk, __be32 daddr)
{
	return !vs_net_enabled() || __vs_sk_listens4(sk, daddr);
}

static inline bool vs_sk_listens6(const struct sock *sk,
				  const struct in6_addr *daddr, int dif)
{
	return !vs_net_enabled() || __vs_sk_listens6(sk, daddr, dif);
}

/* What a wildcard of a guest adds to the hash of its bucket; 0 for others. */
static inline u32 vs_sk_bucket(const struct sock *sk)
{
	return vs_net_enabled() ? __vs_sk_bucket(sk) : 0;
}

/* The echo reply @skb may reach the ping socket @sk. */
static inline bool vs_sk_ping(const struct sock *sk, const struct sk_buff *skb)
{
	return !vs_net_enabled() || __vs_sk_ping(sk, skb);
}

/**
 * vs_tcp_lookup4() - the guest's wildcard listener that @daddr belongs to
 *
 * Between the look-up of listeners on @daddr and that of wildcards: what a guest
 * listens on is more specific than what the host does.
 *
 * Return: the socket, not counted; NULL for none; an error pointer when nobody
 * else may have the packet either.
 */
static inline struct sock *
vs_tcp_lookup4(const struct net *net, struct sk_buff *skb, int doff,
	       __be32 saddr, __be16 sport, __be32 daddr, unsigned short hnum,
	       int dif, int sdif)
{
	return vs_net_enabled() ?
		__vs_tcp_lookup4(net, skb, doff, saddr, sport, daddr, hnum,
				 dif, sdif) : NULL;
}

static inline struct sock *
vs_tcp_lookup6(const struct net *net, struct sk_buff *skb, int doff,
	       const struct in6_addr *saddr, __be16 sport,
	       const struct in6_addr *daddr, unsigned short hnum, int dif,
	       int sdif)
{
	return vs_net_enabled() ?
		__vs_tcp_lookup6(net, skb, doff, saddr, sport, daddr, hnum,
				 dif, sdif) : NULL;
}

static inline struct sock *
vs_udp_lookup4(const struct net *net, struct sk_buff *skb, __be32 saddr,
	       __be16 sport, __be32 daddr, unsigned short hnum, int dif,
	       int sdif)
{
	return vs_net_enabled() ?
		__vs_udp_lookup4(net, skb, saddr, sport, daddr, hnum, dif,
				 sdif) : NULL;
}

static inline struct sock *
vs_udp_lookup6(const struct net *net, struct sk_buff *skb,
	       const struct in6_addr *saddr, __be16 sport,
	       const struct in6_addr *daddr, unsigned short hnum, int dif,
	       int sdif)
{
	return vs_net_enabled() ?
		__vs_udp_lookup6(net, skb, saddr, sport, daddr, hnum, dif,
				 sdif) : NULL;
}

/**
 * vs_flow4() - make a flow of @sk one of its network context
 * @net: network namespace.
 * @sk: the socket, or NULL.
 * @fl4: before the route is looked up.
 *
 * Remaps the loopback, checks a source that is set and sets one that is not. Any
 * context.
 *
 * Return: NULL to go on, or an error pointer.
 */
static inline struct rtable *vs_flow4(struct net *net, const struct sock *sk,
				      struct flowi4 *fl4)
{
	return vs_net_enabled() ? __vs_flow4(net, sk, fl4) : NULL;
}

/* As vs_flow4(), but for choosing a source. Return: 0 or an error. */
static inline int vs_flow6(const struct sock *sk, struct flowi6 *fl6)
{
	return vs_net_enabled() ? __vs_flow6(sk, fl6) : 0;
}

/* Replaces the source that was chosen, or was not (@err), by an own one. */
static inline int vs_source6(struct net *net, const struct sock *sk,
			     struct dst_entry *dst, struct flowi6 *fl6, int err)
{
	return vs_net_enabled() ? __vs_source6(net, sk, dst, fl6, err) : err;
}

/* @addr may be a source for the network context that @prefs names. */
static inline bool vs_candidate6(unsigned int prefs,
				 const struct in6_addr *addr)
{
	return !vs_net_enabled() || __vs_candidate6(prefs, addr);
}

/* The socket may send a header with this source; 0 stands for an own one. */
static inline bool vs_header4(const struct sock *sk, __be32 saddr)
{
	return !vs_net_enabled() || __vs_header4(sk, saddr);
}

/* The current task finds the socket in tables. Also for what is no full one. */
static inline bool vs_sk_visible(const struct sock *sk)
{
	return !vs_net_enabled() || __vs_sk_visible(sk);
}

/* The current task finds the interface. */
static inline bool vs_dev_visible(const struct net_device *dev)
{
	return !vs_net_enabled() || __vs_dev_visible(dev);
}

/* The current task finds the address in tables. */
static inline bool vs_addr4_visible(__be32 addr)
{
	return !vs_net_enabled() || __vs_addr4_visible(addr);
}

static inline bool vs_addr6_visible(const struct in6_addr *addr)
{
	return !vs_net_enabled() || __vs_addr6_visible(addr);
}

/* Shows the private loopback address in a socket address as the common one. */
static inline void vs_show_name(const struct sock *sk, void *name)
{
	if (vs_net_enabled())
		__vs_show_name(sk, name);
}

/* The same for the two addresses of a socket in tables. */
static inline void vs_show4(const struct sock *sk, __be32 *a, __be32 *b)
{
	if (vs_net_enabled())
		__vs_show4(sk, a, b);
}

/* The same for addresses of a family, four words each in IPv6. */
static inline void vs_show_pair(const struct sock *sk, int family, __be32 *a,
				__be32 *b)
{
	if (vs_net_enabled())
		__vs_show_pair(sk, family, a, b);
}

/**
 * vs_dump_empty() - take out of a part of a dump what a guest may not see
 * @sk: the socket that asked.
 * @skb: the part.
 * @status: what the dump callback returned.
 *
 * Return: nothing is left, and the dump goes on. May sleep.
 */
static inline bool vs_dump_empty(const struct sock *sk, struct sk_buff *skb,
				 int status)
{
	return vs_net_enabled() && __vs_dump_empty(sk, skb, status);
}

/* Counts what a system call sent. */
static inline void vs_sock_sent(const struct sock *sk, const struct msghdr *msg,
				int ret)
{
	if (vs_traffic_enabled())
		__vs_sock_sent(sk, msg, ret);
}

/* Counts what a system call received; shows its sender as vs_show_name(). */
static inline void vs_sock_received(const struct sock *sk, struct msghdr *msg,
				    int ret)
{
	if (vs_traffic_enabled())
		__vs_sock_received(sk, msg, ret);
}

/* Counts what a system call moved from a socket into a pipe. Returns @ret. */
static inline ssize_t vs_sock_spliced(const struct sock *sk, ssize_t ret)
{
	if (vs_traffic_enabled())
		__vs_sock_spliced(sk, ret);
	return ret;
}

#endif /* _LINUX_VSERVER_NET_H */
