// SPDX-License-Identifier: GPL-2.0
/*
 * What the sockets of a context send and receive (semantics.md, section 12).
 *
 * Counted where system calls enter and leave the protocols, for the context of
 * the task that calls: operations and bytes of payload, by address family. Per
 * processor, so that a busy guest does not share a cache line with itself.
 */
#include <linux/export.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/socket.h>
#include <linux/u64_stats_sync.h>
#include <linux/uio.h>
#include <linux/vserver.h>
#include <linux/vserver_net.h>

#include "net.h"

/* Classes of families and directions, as in abi.rs. */
enum {
	VS_SOCK_UNSPEC,
	VS_SOCK_UNIX,
	VS_SOCK_INET,
	VS_SOCK_INET6,
	VS_SOCK_PACKET,
	VS_SOCK_OTHER,
	VS_SOCK_CLASSES,
};

enum {
	VS_SOCK_RECV,
	VS_SOCK_SEND,
	VS_SOCK_FAIL,
	VS_SOCK_WAYS,
};

struct vs_traffic {
	u64 count[VS_SOCK_CLASSES][VS_SOCK_WAYS];
	u64 total[VS_SOCK_CLASSES][VS_SOCK_WAYS];
	struct u64_stats_sync sync;
};

/* Prepares the counters of a context. May sleep. Return: 0 or -ENOMEM. */
int vs_traffic_init(struct vs_ctx *ctx)
{
	int cpu;

	ctx->traffic = alloc_percpu_gfp(struct vs_traffic, GFP_KERNEL_ACCOUNT);
	if (!ctx->traffic)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(ctx->traffic, cpu)->sync);
	return 0;
}
EXPORT_SYMBOL_GPL(vs_traffic_init);

/* Gives them back; no task of the context runs any more. */
void vs_traffic_free(struct vs_ctx *ctx)
{
	free_percpu(ctx->traffic);
}
EXPORT_SYMBOL_GPL(vs_traffic_free);

/**
 * vs_traffic_read() - sum of the counters over all processors
 * @ctx: a context.
 * @field: class of address families, below VS_SOCK_CLASSES.
 * @count: set to the operations: received, sent, failed.
 * @total: set to the bytes, in the same order.
 *
 * Any context.
 */
void vs_traffic_read(const struct vs_ctx *ctx, u32 field,
		     u64 *count, u64 *total)
{
	int cpu;

	memset(count, 0, VS_SOCK_WAYS * sizeof(*count));
	memset(total, 0, VS_SOCK_WAYS * sizeof(*total));
	for_each_possible_cpu(cpu) {
		const struct vs_traffic *traffic = per_cpu_ptr(ctx->traffic, cpu);
		u64 counted[VS_SOCK_WAYS], bytes[VS_SOCK_WAYS];
		unsigned int start;

		do {
			start = u64_stats_fetch_begin(&traffic->sync);
			for (int way = 0; way < VS_SOCK_WAYS; way++) {
				counted[way] = READ_ONCE(traffic->count[field][way]);
				bytes[way] = READ_ONCE(traffic->total[field][way]);
			}
		} while (u64_stats_fetch_retry(&traffic->sync, start));
		for (int way = 0; way < VS_SOCK_WAYS; way++) {
			count[way] += counted[way];
			total[way] += bytes[way];
		}
	}
}
EXPORT_SYMBOL_GPL(vs_traffic_read);

static int vs_sock_class(const struct sock *sk)
{
	switch (sk->sk_family) {
	case AF_UNSPEC:
		return VS_SOCK_UNSPEC;
	case AF_UNIX:
		return VS_SOCK_UNIX;
	case AF_INET6:
#if IS_ENABLED(CONFIG_IPV6)
		/* What it says to an IPv4 peer goes out as IPv4. */
		if (ipv6_addr_v4mapped(&sk->sk_v6_daddr))
			return VS_SOCK_INET;
#endif
		return VS_SOCK_INET6;
	case AF_PACKET:
		return VS_SOCK_PACKET;
	default:
		return VS_SOCK_OTHER;
	}
}

#ifdef CONFIG_64BIT
/* Whoever moves to another processor in between adds there. */
static __always_inline void vs_add(const struct vs_ctx *ctx, int class, int way,
				   u64 bytes)
{
	struct vs_traffic __percpu *traffic = ctx->traffic;

	this_cpu_inc(traffic->count[class][way]);
	this_cpu_add(traffic->total[class][way], bytes);
}
#else
static void vs_add(const struct vs_ctx *ctx, int class, int way, u64 bytes)
{
	struct vs_traffic *traffic = get_cpu_ptr(ctx->traffic);

	u64_stats_update_begin(&traffic->sync);
	traffic->count[class][way]++;
	traffic->total[class][way] += bytes;
	u64_stats_update_end(&traffic->sync);
	put_cpu_ptr(ctx->traffic);
}
#endif

static noinline void vs_count_class(const struct vs_ctx *ctx, const struct sock *sk,
				    int way, u64 bytes)
{
	vs_add(ctx, vs_sock_class(sk), way, bytes);
}

/*
 * For every datagram. A socket that a protocol has served has the part of the protocol.
 */
static __always_inline void vs_count(const struct sock *sk, int way, u64 bytes)
{
	const struct vs_ctx *ctx = current->vs.ctx;

	if (!ctx)
		return;
	if (likely(sk->sk_family == AF_INET))
		vs_add(ctx, VS_SOCK_INET, way, bytes);
	else
		vs_count_class(ctx, sk, way, bytes);
}

/* The protocol has taken @ret bytes of @msg, or has failed. Process context. */
void __vs_sock_sent(const struct sock *sk, const struct msghdr *msg, int ret)
{
	if (ret < 0)
		vs_count(sk, VS_SOCK_FAIL, msg_data_left(msg));
	else
		vs_count(sk, VS_SOCK_SEND, ret);
}

static noinline void vs_received_near(const struct sock *sk, struct msghdr *msg, int ret)
{
	vs_show_name(sk, msg->msg_name);
	vs_count(sk, VS_SOCK_RECV, ret);
}

/* The protocol has given @ret bytes, or has failed; that is no traffic. */
void __vs_sock_received(const struct sock *sk, struct msghdr *msg, int ret)
{
	if (ret < 0)
		return;
	if (msg->msg_name && msg->msg_namelen && unlikely(vs_may_be_private(msg->msg_name)))
		vs_received_near(sk, msg, ret);
	else
		vs_count(sk, VS_SOCK_RECV, ret);
}

/* As __vs_sock_received() for bytes that went into a pipe. */
void __vs_sock_spliced(const struct sock *sk, ssize_t ret)
{
	if (ret > 0)
		vs_count(sk, VS_SOCK_RECV, ret);
}
