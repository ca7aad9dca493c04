/* A login program: one answer to every prompt, and libpam's verdict as exit status. It does not wait after
 * a refusal, as pamtester and the other programs do, and writes the verdict with one system call. */

#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int answer(int count, const struct pam_message **messages, struct pam_response **replies, void *code)
{
	struct pam_response *all = calloc(count, sizeof *all);

	if (all == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		int style = messages[i]->msg_style;
		if (style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON)
			all[i].resp = strdup(code);
	}
	*replies = all;
	return PAM_SUCCESS;
}

static void do_not_wait(int status, unsigned delay, void *data)
{
	(void)status, (void)delay, (void)data;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 64;
	struct pam_conv conversation = { answer, argv[3] };
	pam_handle_t *pam;
	int verdict = pam_start(argv[1], argv[2], &conversation, &pam);

	if (verdict == PAM_SUCCESS) {
		pam_set_item(pam, PAM_FAIL_DELAY, (const void *)do_not_wait);
		verdict = pam_authenticate(pam, 0);
		char line[32];
		int length = snprintf(line, sizeof line, "verdict %d\n", verdict);
		ssize_t written = write(STDOUT_FILENO, line, length);
		(void)written;
		pam_end(pam, verdict);
	}
	return verdict;
}
