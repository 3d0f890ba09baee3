/* SPDX-License-Identifier: MIT */
/* carry_group.c - whether a signal to the command was one to its whole group */
#include "launcher/carry_group.h"

#define NS_PER_MS INT64_C(1000000)

enum {
	AT_ONCE_MS = 50, /* what the command reads so soon after is the same one */
	LATE_MS = 3000,	 /* and so late, if it is the first after that */
};

static struct {
	bool any;
	bool open; /* the command has read none since */
	pid_t sender;
	int64_t read_ns;
} last[GROUP_SIGNALS_MAX];

static bool is_number(int number)
{
	return number > 0 && number < GROUP_SIGNALS_MAX;
}

void group_signal(int number, pid_t sender, int64_t now_ns)
{
	if (!is_number(number))
		return;
	last[number].any = true;
	last[number].sender = sender;
	last[number].open = true;
	last[number].read_ns = now_ns;
}

bool group_has_had(int number, pid_t sender, int64_t read_ns)
{
	int64_t after;
	bool same;

	if (!is_number(number) || !last[number].any || last[number].sender != sender)
		return false;
	after = read_ns - last[number].read_ns;
	same = after < AT_ONCE_MS * NS_PER_MS ||
	       (last[number].open && after < LATE_MS * NS_PER_MS);
	if (after >= 0)
		last[number].open = false;
	return same;
}
