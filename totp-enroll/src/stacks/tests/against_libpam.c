/* Runs PAM stacks through the real libpam, one after the other.
 *
 * Reads lines `DIRECTORY SERVICE` and answers each with one line: for pam_authenticate, pam_acct_mgmt and
 * pam_open_session, each on a handle of its own, the return code and what pam_debug.so said of its answers, as
 * ` 7:auth=success,auth=auth_err,`.
 */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char said[4096];

static int listen_to(int count, const struct pam_message **messages, struct pam_response **replies, void *data)
{
	(void)data;
	*replies = calloc(count, sizeof(**replies));
	if (!*replies)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		size_t used = strlen(said);
		snprintf(said + used, sizeof(said) - used, "%s,", messages[i]->msg);
	}
	return PAM_SUCCESS;
}

static void no_delay(int status, unsigned microseconds, void *data)
{
	(void)status, (void)microseconds, (void)data;
}

int main(void)
{
	static int (*const calls[])(pam_handle_t *, int) = { pam_authenticate, pam_acct_mgmt, pam_open_session };
	const struct pam_conv conversation = { listen_to, NULL };
	char directory[1024], service[256];

	while (scanf("%1023s %255s", directory, service) == 2) {
		for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
			pam_handle_t *handle;
			said[0] = '\0';
			if (pam_start_confdir(service, "nobody", &conversation, directory, &handle) != PAM_SUCCESS)
				return 1;
			pam_set_item(handle, PAM_FAIL_DELAY, (const void *)no_delay);
			int result = calls[i](handle, PAM_SILENT & 0);
			printf(" %d:%s", result, said);
			pam_end(handle, result);
		}
		printf("\n");
		fflush(stdout);
	}
	return 0;
}
