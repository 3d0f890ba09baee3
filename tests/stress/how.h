/* SPDX-License-Identifier: MIT */
/* how.h - what the ports of the stress's far side do */
#ifndef TESTS_STRESS_HOW_H
#define TESTS_STRESS_HOW_H

enum {
	PORT_ECHO = 7,	    /* says what was asked for, then gives back */
	PORT_REFUSED = 81,  /* REP 5 */
	PORT_NO_HOST = 82,  /* REP 4 */
	PORT_DROPPED = 83,  /* the connection to the proxy just ends */
};

#endif
