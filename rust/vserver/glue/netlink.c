// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink of guests in the shared stack (semantics.md, section 9, showing).
 *
 * A guest talks to the kernel only. CAP_NET_ADMIN does not count for it there, so
 * it asks and does not change. What it may ask is decided here, on the copy of the
 * message that the kernel then reads; what a dump tells is sifted before it goes out
 * (vs_dump_empty()): links that carry an address of the guest, its addresses, routes
 * through these links. Everything else that rtnetlink can tell belongs to the host,
 * and so does what it will be able to tell one day. Tables of sockets are sifted by
 * those who make them.
 */
#include <linux/genetlink.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/sched/signal.h>
#include <linux/sock_diag.h>
#include <net/netlink.h>

#include "net.h"

/* Protocols that a guest may open. Some are useless without CAP_NET_ADMIN. */
bool vs_netlink_shared(int protocol)
{
	switch (protocol) {
	case NETLINK_ROUTE:
	case NETLINK_SOCK_DIAG:
	case NETLINK_NETFILTER:
	case NETLINK_AUDIT:
	case NETLINK_KOBJECT_UEVENT:
	case NETLINK_GENERIC:
	case NETLINK_CRYPTO:
		return true;
	default:
		return false;
	}
}

/* Guests do not reach sockets of each other, nor of programs of the host. */
int vs_netlink_address(const struct sockaddr_nl *to, int length)
{
	if (!to || length < (int)sizeof(*to) || (!to->nl_pid && !to->nl_groups))
		return 0;
	return to->nl_pid ? -ECONNREFUSED : -EPERM;
}

/* The interface that a request names. Caller holds RCU. */
static const struct net_device *vs_asked_link(struct net *net,
					      const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifm = nlmsg_data(nlh);
	const struct nlattr *name;
	char text[ALTIFNAMSIZ];

	if (nlmsg_len(nlh) < (int)sizeof(*ifm))
		return NULL;
	if (ifm->ifi_index > 0)
		return dev_get_by_index_rcu(net, ifm->ifi_index);
	name = nlmsg_find_attr(nlh, sizeof(*ifm), IFLA_IFNAME) ?:
	       nlmsg_find_attr(nlh, sizeof(*ifm), IFLA_ALT_IFNAME);
	if (!name || nla_strscpy(text, name, sizeof(text)) < 0)
		return NULL;
	return dev_get_by_name_rcu(net, text);
}

static int vs_may_ask_route(const struct vs_net *nc, const struct sock *sk,
			    const struct nlmsghdr *nlh)
{
	const struct net_device *dev;

	/* Changes need CAP_NET_ADMIN; programs wait for the kernel to say so. */
	if (nlh->nlmsg_type < RTM_BASE ||
	    rtnl_msgtype_kind(nlh->nlmsg_type) != RTNL_KIND_GET)
		return 0;
	if (!vs_net_flag(nc, VS_NET_HIDE_NETIF) ||
	    (nlh->nlmsg_flags & NLM_F_DUMP))
		return 0;

	guard(rcu)();
	switch (nlh->nlmsg_type) {
	case RTM_GETLINK:
		dev = vs_asked_link(sock_net(sk), nlh);
		return dev && vs_net_shows(nc, dev) ? 0 : -ENODEV;
	case RTM_GETNSID:
		/* Of a namespace that the caller has a descriptor of. */
		return 0;
	default:
		return -EPERM;
	}
}

static int vs_may_ask_diag(const struct nlmsghdr *nlh)
{
	u8 family;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY || !nlmsg_len(nlh))
		return 0;
	family = *(const u8 *)nlmsg_data(nlh);
	/* As if the kernel had no table of the others. */
	return family == AF_INET || family == AF_INET6 || family == AF_UNIX ?
		0 : -ENOENT;
}

static int vs_may_ask(const struct vs_net *nc, const struct sock *sk,
		      const struct nlmsghdr *nlh)
{
	switch (sk->sk_protocol) {
	case NETLINK_ROUTE:
		return vs_may_ask_route(nc, sk, nlh);
	case NETLINK_SOCK_DIAG:
		return vs_may_ask_diag(nlh);
	case NETLINK_GENERIC:
		/* Which families there are is no secret, what they say may be. */
		return nlh->nlmsg_type < NLMSG_MIN_TYPE ||
		       nlh->nlmsg_type == GENL_ID_CTRL ? 0 : -EPERM;
	default:
		return 0;
	}
}

/**
 * vs_netlink_send() - may a guest send this to the kernel?
 * @sk: its socket.
 * @skb: one message or more, copied from user space.
 *
 * Return: 0, -EPERM for what is none of a guest's business,
 * -ENODEV for an interface that it does not see, -ENOENT for a table of sockets
 * that it does not have.
 */
int vs_netlink_send(struct sock *sk, struct sk_buff *skb)
{
	const struct vs_net *nc = vs_sk_net(sk);
	const struct nlmsghdr *nlh;
	int left, err;

	if (!nc)
		return 0;
	nlmsg_for_each_msg(nlh, nlmsg_hdr(skb), skb->len, left) {
		err = vs_may_ask(nc, sk, nlh);
		if (err)
			return err;
	}
	return 0;
}

static bool vs_shows_index(const struct vs_net *nc, struct net *net, int index)
{
	const struct net_device *dev = dev_get_by_index_rcu(net, index);

	return dev && vs_net_shows(nc, dev);
}

static bool vs_shows_attribute(const struct vs_net *nc, int family,
			       const struct nlattr *attr)
{
	if (family == AF_INET && nla_len(attr) == sizeof(__be32))
		return vs_net_shows4(nc, nla_get_be32(attr));
#if IS_ENABLED(CONFIG_IPV6)
	if (family == AF_INET6 && nla_len(attr) == sizeof(struct in6_addr))
		return vs_net_shows6(nc, nla_data(attr));
#endif
	return false;
}

static bool vs_shows_address(const struct vs_net *nc, const struct nlmsghdr *nlh)
{
	const struct ifaddrmsg *ifa = nlmsg_data(nlh);
	const struct nlattr *attr;

	attr = nlmsg_find_attr(nlh, sizeof(*ifa), IFA_LOCAL) ?:
	       nlmsg_find_attr(nlh, sizeof(*ifa), IFA_ADDRESS);
	return attr && vs_shows_attribute(nc, ifa->ifa_family, attr);
}

/*
 * Routes through visible links; those to local addresses by the address. The host's
 * choice of a source becomes padding.
 */
static bool vs_shows_route(const struct vs_net *nc, struct net *net,
			   struct nlmsghdr *nlh)
{
	const struct rtmsg *rtm = nlmsg_data(nlh);
	const struct nlattr *out;
	struct nlattr *attr;
	int index;

	out = nlmsg_find_attr(nlh, sizeof(*rtm), RTA_OIF);
	attr = nlmsg_find_attr(nlh, sizeof(*rtm), RTA_MULTIPATH);
	if (out && nla_len(out) == sizeof(u32))
		index = nla_get_u32(out);
	else if (attr && nla_len(attr) >= (int)sizeof(struct rtnexthop))
		index = ((const struct rtnexthop *)nla_data(attr))->rtnh_ifindex;
	else
		return false;
	if (!vs_shows_index(nc, net, index))
		return false;
	attr = nlmsg_find_attr(nlh, sizeof(*rtm), RTA_PREFSRC);
	if (attr && !vs_shows_attribute(nc, rtm->rtm_family, attr)) {
		attr->nla_type = RTA_PAD;
		memset(nla_data(attr), 0, nla_len(attr));
	}
	attr = nlmsg_find_attr(nlh, sizeof(*rtm), RTA_DST);
	if (rtm->rtm_type == RTN_LOCAL || rtm->rtm_type == RTN_ANYCAST)
		return attr && vs_shows_attribute(nc, rtm->rtm_family, attr);
	return true;
}

static bool vs_shows_message(const struct vs_net *nc, struct net *net,
			     struct nlmsghdr *nlh)
{
	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
		return vs_shows_index(nc, net,
				      ((const struct ifinfomsg *)nlmsg_data(nlh))->ifi_index);
	case RTM_NEWADDR:
		return vs_shows_address(nc, nlh);
	case RTM_NEWROUTE:
		return vs_shows_route(nc, net, nlh);
	default:
		return nlh->nlmsg_type < NLMSG_MIN_TYPE;
	}
}

/**
 * __vs_dump_empty() - sift a part of a dump
 * @sk: the socket that asked.
 * @skb: what the dump has put there; the messages that @sk may not see are taken
 *	out.
 * @status: what the dump returned.
 *
 * A part without a message would look like the end of the connection, so the
 * caller goes on with the dump then. May sleep.
 *
 * Return: nothing is left, and there is more to come.
 */
bool __vs_dump_empty(const struct sock *sk, struct sk_buff *skb, int status)
{
	const struct vs_net *nc = vs_sk_net(sk);
	unsigned int before = skb->len, kept = 0, at = 0;

	if (!nc || sk->sk_protocol != NETLINK_ROUTE ||
	    !vs_net_flag(nc, VS_NET_HIDE_NETIF))
		return false;
	scoped_guard(rcu) {
		while (at < before) {
			struct nlmsghdr *nlh = (void *)skb->data + at;
			unsigned int length;

			if (!nlmsg_ok(nlh, before - at))
				break;
			length = min(NLMSG_ALIGN(nlh->nlmsg_len), before - at);
			at += length;
			/* Overwrites what has been looked at, perhaps itself. */
			if (vs_shows_message(nc, sock_net(sk), nlh)) {
				memmove(skb->data + kept, nlh, length);
				kept += length;
			}
		}
	}
	skb_trim(skb, kept);
	if (kept || !before || (status <= 0 && status != -EMSGSIZE))
		return false;
	cond_resched();
	return !fatal_signal_pending(current);
}
