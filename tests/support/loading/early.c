/* SPDX-License-Identifier: MIT */
/*
 * early.c - a library whose constructor connects: it comes before that of who was
 * loaded before it
 */
void plugin_run(const char *address);

__attribute__((constructor)) static void early(void)
{
	plugin_run(EARLY);
}
