/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs are written with: checks that speak KTAP, the system call,
 * processes with a line to talk over, files.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <linux/vserver.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/*
 * Checks. All processes of a program count together: a check may stand in a
 * child, in a context, in a program that was executed. Each prints one line.
 */

/* Starts counting, or goes on where the program that executed this one was. */
void begin(void);

/* Prints the plan; the status of the program: 0 when all checks passed. */
int end(void);

/* The check itself: every other one ends here. */
bool check(bool passed, const char *what, ...)
	__attribute__((format(printf, 2, 3)));

/* A line that explains; not a check. */
void note(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* Something that this kernel or machine does not have. */
void skip(const char *what, const char *why);

/* The numbers are the same. */
bool is(long long got, long long wanted, const char *what);

/* As is(), printed as hexadecimal numbers. */
bool is_hex(unsigned long long got, unsigned long long wanted,
	    const char *what);

/* The texts are the same. */
bool is_text(const char *got, const char *wanted, const char *what);

/* The call returned 0. */
bool works(long result, const char *what);

/* The call returned -1 and this errno. */
bool refused(long result, int wanted, const char *what);

/* What a program cannot go on without: prints a failed check and ends it. */
void must(bool passed, const char *what);

/*
 * The system call. A program is compiled with the number of its architecture,
 * as the original tools are.
 */
long vserver(__u32 command, __u32 id, void *data);

/* Commands with a plain argument, as the library of the original calls them. */
long set_flags(__u32 command, __u32 id, __u64 value, __u64 mask);
long get_flags(__u32 command, __u32 id, __u64 *value, __u64 *mask);
long ctx_create(__u32 xid, __u64 flagword);
long ctx_kill(__u32 xid, int pid, int sig);
long wait_exit(__u32 xid, struct vcmd_wait_exit_v0 *data);
long space(__u32 command, __u32 id, __u64 mask, __u32 index);
long set_name(__u32 id, __u32 field, const char *name);
long get_name(__u32 id, __u32 field, char name[VHILEN]);
bool context_exists(__u32 xid);

/* The context is gone, at once or within a few seconds. */
bool context_ends(__u32 xid);

/*
 * What the start script of the host does where entries of /proc start hidden:
 * the ones that these programs need are shown to everybody.
 */
void vprocunhide(void);

/*
 * A process with a line in both directions. The body runs in the child; what it
 * returns is the status of the process.
 */
struct process {
	pid_t pid;
	int in;
	int out;
};

typedef int body_fn(struct process *line, void *data);

struct process start(body_fn *body, void *data);

/* Says a number; hears one, INT_MIN when the other end is gone. */
void say(struct process *p, int number);
int hear(struct process *p);

/* Waits for the end; the status as of wait(2). */
int finish(struct process *p);

/* start() and finish(), for a body that must come to its end with 0. */
void in_child(body_fn *body, void *data, const char *what);

/*
 * Files. Text is cut at the size and terminated.
 */
ssize_t read_text(const char *path, char *text, size_t size);
ssize_t write_text(const char *path, const char *text);

/* The word after "NAME:" at the start of a line, as the tools look for it. */
bool find_field(const char *text, const char *name, char *value, size_t size);

/* The number of such a field in base 10, -1 when there is none. */
long long field_number(const char *text, const char *name);

/* "PATH/FILE" of the directory that this program was started from. */
const char *beside(const char *file);

/* The virtio port for the verdict, -1 when there is none. */
int verdict_port(void);

void sleep_ms(int milliseconds);

/* Waits until a process sleeps in a system call, generously. */
void wait_asleep(pid_t pid);

/*
 * SIGALRM after that time and again and again, until it is 0; its handler does nothing, a
 * call is interrupted, even one that begins late.
 */
void alarm_after(int milliseconds);
#define alarm_soon()	alarm_after(100)

/* Never returns; the result is for functions that must have one. */
int sleep_for_ever(void);

#endif /* SUPPORT_H */
