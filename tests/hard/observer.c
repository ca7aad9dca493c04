/* Authenticates through libpam again and again, users in turn, and prints how long the module took.
 *
 * observer SERVICE ROUNDS PASSWORD CODE USER...
 *
 * Hidden prompts that begin with "Password" are answered with PASSWORD, all others with CODE. Each line of
 * output: the user, nanoseconds from the start to the last prompt, nanoseconds from its answer to the verdict, the
 * verdict. The delay that a failure asks for is left out: a program may have its own, as this one does. */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *password, *code;
static struct timespec asked, answered;

static void no_delay(int status, unsigned microseconds, void *data)
{
	(void)status, (void)microseconds, (void)data;
}

static int answer(int count, const struct pam_message **messages, struct pam_response **responses, void *data)
{
	(void)data;
	struct pam_response *all = calloc((size_t)count, sizeof *all);
	if (!all)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		int style = messages[i]->msg_style;
		if (style != PAM_PROMPT_ECHO_OFF && style != PAM_PROMPT_ECHO_ON)
			continue;
		int is_password = strncmp(messages[i]->msg, "Password", 8) == 0;
		clock_gettime(CLOCK_MONOTONIC, &asked);
		all[i].resp = strdup(is_password ? password : code);
		clock_gettime(CLOCK_MONOTONIC, &answered);
	}
	*responses = all;
	return PAM_SUCCESS;
}

static long long since(const struct timespec *start, const struct timespec *end)
{
	return (end->tv_sec - start->tv_sec) * 1000000000LL + (end->tv_nsec - start->tv_nsec);
}

int main(int argc, char **argv)
{
	if (argc < 6)
		return 2;
	int rounds = atoi(argv[2]), users = argc - 5;
	password = argv[3];
	code = argv[4];
	const struct pam_conv conversation = {answer, NULL};
	for (int round = 0; round < rounds; round++) {
		for (int turn = 0; turn < users; turn++) {
			/* Nobody always follows the same other one. */
			const char *user = argv[5 + (round % 2 ? turn : users - 1 - turn)];
			pam_handle_t *pam;
			struct timespec start, end;
			if (pam_start(argv[1], user, &conversation, &pam) != PAM_SUCCESS)
				return 1;
			pam_set_item(pam, PAM_RHOST, "192.0.2.66");
			pam_set_item(pam, PAM_FAIL_DELAY, (const void *)no_delay);
			clock_gettime(CLOCK_MONOTONIC, &start);
			int verdict = pam_authenticate(pam, 0);
			clock_gettime(CLOCK_MONOTONIC, &end);
			printf("%s %lld %lld %d\n", user, since(&start, &asked), since(&answered, &end), verdict);
			pam_end(pam, verdict);
		}
	}
	return 0;
}
