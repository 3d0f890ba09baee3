/* SPDX-License-Identifier: MIT */
/*
 * carry.h - programs that the library does not cover, carried through the proxy all the
 * same
 *
 * Theory of Operation
 *
 * A static program, one of Go or for musl calls the kernel past every library. The filter
 * (filter.c) that it is started under has the kernel ask first: connect(), a send with an
 * address, sendmsg() and sendmmsg() wait until the supervisor has answered them. It takes a
 * duplicate of the program's socket (pidfd_getfd), does with it what the library would do
 * inside, and answers with a result or an errno; but for sockets that are no network's and
 * for calls that say nothing of where to, it never lets a call go on, whatever fails.
 * What the library does in programs that it covers names the token, and is not asked about.
 *
 *	the caller ── P ── S ── the program ── its children
 *	                   └─── those whose parent has ended
 *
 * P is the command's own process, of whom the caller knows: it waits for the program, and
 * ends as the program ends, by the same status or signal. S is the supervisor. It has to
 * outlive the program as long as a descendant runs under the filter, which the caller must
 * not wait for: so the two are two. And S has to be an ancestor of whom it looks into,
 * where Yama's ptrace_scope is 1; so the program is its child, not P's, and it is a
 * subreaper, upon which orphans become its children, too.
 *
 * Signals: all three are in one process group, so what a terminal sends reaches the program
 * by itself; P and S have all signals blocked. What somebody sends to P is passed on to the
 * program by S, to whom its number cannot become another's as long as it is not waited for;
 * but not what S was sent likewise, for then it was sent to the group. That its terminal is
 * gone the kernel tells the leader of a session alone: where that is P, it is passed on.
 * Where the program stops, P stops by the same signal; a SIGCONT to P is passed on, too.
 * SIGKILL cannot be: where P ends before the program, S kills the program. SIGSTOP cannot
 * be, either: it stops P alone.
 *
 * Descriptors: P and S close what they have of the caller's, so that pipes end when the
 * program ends; S has standard error, for the log, as long as the program itself runs. The
 * program is handed no descriptor of theirs.
 *
 * S ends when no task is left under the filter: the kernel tells so by the listener. Where S
 * is killed, so is the program; the calls of its descendants fail (ENOSYS).
 *
 * No thread; one loop (carry_loop.h). carry_call.c judges a call, carry_connect.c has the
 * connections under way, carry_dgram.c what of UDP there is, carry_dns.c the name server.
 *
 * It is no barrier to a program that means to get past it: between the judgement of a call
 * on an AF_UNIX socket and the kernel's going on with it another thread may put another
 * socket under that number, and there is the token in the environment.
 */
#ifndef SOCKSIFY_LAUNCHER_CARRY_H
#define SOCKSIFY_LAUNCHER_CARRY_H

/*
 * Runs the program of this path with these arguments, carried, and ends as it ends. Dies
 * with STATUS_CANNOT_RUN, cause and cure, where that cannot be had here.
 */
_Noreturn void carry_run(const char *path, char **argv);

#endif
