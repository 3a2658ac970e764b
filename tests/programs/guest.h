/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest that start.c makes and inside.c looks at.
 */
#ifndef GUEST_H
#define GUEST_H

#define GUEST_XID		1042
#define GUEST_NID		1043
#define GUEST_TAG		1044

/* Configuration directory, which is the name of the context. */
#define GUEST_DIRECTORY		"/etc/vservers/guest"

#define GUEST_SYSNAME		"Linux"
#define GUEST_NODENAME		"guest.example"
#define GUEST_RELEASE		"7.3.4-guest"
#define GUEST_VERSION		"#1 of the guest"
#define GUEST_MACHINE		"i686"
#define GUEST_DOMAINNAME	"example"

/* A file in the root of the guest. */
#define GUEST_MARK		"this-is-the-guest"

/* How its init ends. */
#define GUEST_INIT_STATUS	3

#endif /* GUEST_H */
