/* SPDX-License-Identifier: MIT */
/*
 * ownares.c - a program that carries a c-ares of its own, and shows it
 *
 *	ownares NAME: the MX records of a name, by resolver(3)
 *
 * Its c-ares has the same names and does nothing: whoever calls it is told of.
 */
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdio.h>

static int calls;

#define SHOWN(name)               \
	int name(void);           \
	int name(void)            \
	{                         \
		calls++;          \
		return 1;         \
	}

SHOWN(ares_init_options)
SHOWN(ares_set_socket_functions)
SHOWN(ares_send)
SHOWN(ares_process_fd)
SHOWN(ares_destroy)
SHOWN(ares_getsock)
SHOWN(ares_create_query)
SHOWN(ares_expand_name)
SHOWN(ares_malloc)
SHOWN(ares__tvnow)

int main(int argc, char **argv)
{
	unsigned char answer[4096];
	int rc = argc < 2 ? -1 :
			    res_query(argv[1], ns_c_in, ns_t_mx, answer,
				      sizeof(answer));

	printf("%d answers, %d calls of my own c-ares\n",
	       rc < 0 ? -h_errno : answer[7], calls);
	return rc < 0;
}
