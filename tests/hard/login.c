/* Login programs, by their arguments. They do not wait after a refusal, as pamtester and other programs do, and
 * write what libpam answered with one system call.
 *
 *     login SERVICE USER CODE    one answer to every prompt; libpam's verdict is the exit status
 *     login SERVICE USER         as sshd after a key, through all phases; has USER set up and types the first code
 */

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

/* Whether it was said. */
static int say(const char *what, const char *how)
{
	char line[64];
	int length = snprintf(line, sizeof line, "%s %s\n", what, how);

	return write(STDOUT_FILENO, line, length) == length;
}

/* The code of the secret in an otpauth URI: an app that knows steps of five minutes and eight digits. */
static int code_of(const char *secret, char *code, int size)
{
	char command[128];
	int length = strspn(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");

	snprintf(command, sizeof command, "oathtool --totp --base32 --digits=8 --time-step-size=300 %.*s", length, secret);
	FILE *app = popen(command, "r");
	if (app == NULL)
		return 0;
	int read = fgets(code, size, app) != NULL;
	pclose(app);
	code[strcspn(code, "\n")] = '\0';
	return read;
}

/* Scans what is shown and types its code; presses Enter at everything else. */
static int scan(int count, const struct pam_message **messages, struct pam_response **replies, void *unused)
{
	char code[16] = "";

	(void)unused;
	for (int i = 0; i < count; i++) {
		const char *secret = strstr(messages[i]->msg, "secret=");
		if (secret != NULL && !code_of(secret + strlen("secret="), code, sizeof code))
			return PAM_CONV_ERR;
	}
	if (code[0] != '\0' && !say("typed", code))
		return PAM_CONV_ERR;
	return answer(count, messages, replies, code);
}

static void do_not_wait(int status, unsigned delay, void *data)
{
	(void)status, (void)delay, (void)data;
}

static int report(const char *phase, int answered)
{
	char number[16];

	snprintf(number, sizeof number, "%d", answered);
	say(phase, number);
	return answered;
}

int main(int argc, char **argv)
{
	if (argc != 3 && argc != 4)
		return 64;
	int newcomer = argc == 3;
	struct pam_conv conversation = { newcomer ? scan : answer, argv[3] };
	pam_handle_t *pam;
	int answered = pam_start(argv[1], argv[2], &conversation, &pam);

	if (answered != PAM_SUCCESS)
		return answered;
	pam_set_item(pam, PAM_FAIL_DELAY, (const void *)do_not_wait);
	if (newcomer)
		pam_putenv(pam, "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
	answered = report("verdict", pam_authenticate(pam, 0));
	if (newcomer && answered == PAM_SUCCESS)
		answered = report("account", pam_acct_mgmt(pam, 0));
	if (newcomer && answered == PAM_SUCCESS)
		answered = report("session", pam_open_session(pam, 0));
	pam_end(pam, answered);
	return answered;
}
