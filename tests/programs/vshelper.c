// SPDX-License-Identifier: GPL-2.0
/*
 * The helper program of the host: writes down how it was called and whether it
 * finds the object that it is told of. Called by a name that ends in "-fails"
 * it fails.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"
#include "support.h"

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), n = strlen(end);

	return length >= n && !strcmp(text + length - n, end);
}

int main(int argc, char **argv, char **envp)
{
	struct vcmd_nx_info_v0 net;
	struct vcmd_vx_info_v0 ctx;
	char record[4096];
	__u32 id = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	bool found;
	int n = 0, fd;

	for (int i = 0; i < argc; i++)
		n += snprintf(record + n, sizeof(record) - n, "arg %s\n",
			      argv[i]);
	for (char **e = envp; *e; e++)
		n += snprintf(record + n, sizeof(record) - n, "env %s\n", *e);
	if (argc > 1 && !strncmp(argv[1], "net", 3))
		found = !vserver(VCMD_nx_info, id, &net);
	else
		found = !vserver(VCMD_vx_info, id, &ctx);
	n += snprintf(record + n, sizeof(record) - n,
		      "xid %ld\nnid %ld\nfound %s\n" RECORD_END,
		      vserver(VCMD_task_xid, 0, NULL),
		      vserver(VCMD_task_nid, 0, NULL), found ? "yes" : "no");
	fd = open(RECORDS, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, record, n) != n)
		return 2;
	return argc > 0 && ends_in(argv[0], "-fails");
}
