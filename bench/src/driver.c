/* Logs in through libpam, one login after the other, and says how long each took.
 *
 * driver logins
 *     reads logins from standard input, one a line: SERVICE USER CODE. Every prompt is answered with CODE. For each
 *     login one line: nanoseconds by the clock and of the processor from pam_start to pam_end, and the verdict. The
 *     delay that a failure asks for is left out: it is the program's to wait, and no module's work.
 * driver write FILE COUNT
 *     writes 4096 bytes into one half of an existing file of 8192 and then into the other, with fdatasync after
 *     each; one line each, as above. No login that lasts over a power cut can do with less. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SLOT 4096

struct moment {
	struct timespec clock, processor;
};

static struct moment now(void)
{
	struct moment moment;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &moment.processor);
	clock_gettime(CLOCK_MONOTONIC, &moment.clock);
	return moment;
}

static long long between(const struct timespec *start, const struct timespec *end)
{
	return (end->tv_sec - start->tv_sec) * 1000000000LL + (end->tv_nsec - start->tv_nsec);
}

static void report(const struct moment *start, int verdict)
{
	struct timespec clock, processor;
	clock_gettime(CLOCK_MONOTONIC, &clock);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &processor);
	printf("%lld %lld %d\n", between(&start->clock, &clock), between(&start->processor, &processor), verdict);
}

static void no_delay(int status, unsigned microseconds, void *data)
{
	(void)status, (void)microseconds, (void)data;
}

static int answer(int count, const struct pam_message **messages, struct pam_response **responses, void *code)
{
	struct pam_response *all = calloc((size_t)count, sizeof *all);
	if (!all)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		int style = messages[i]->msg_style;
		if (style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON)
			all[i].resp = strdup(code);
	}
	*responses = all;
	return PAM_SUCCESS;
}

static int login(const char *service, const char *user, char *code)
{
	const struct pam_conv conversation = {answer, code};
	pam_handle_t *pam;
	if (pam_start(service, user, &conversation, &pam) != PAM_SUCCESS)
		return -1;
	pam_set_item(pam, PAM_RHOST, "192.0.2.66");
	pam_set_item(pam, PAM_FAIL_DELAY, (const void *)no_delay);
	int verdict = pam_authenticate(pam, 0);
	pam_end(pam, verdict);
	return verdict;
}

static int logins(void)
{
	char service[64], user[64], code[64];
	while (scanf("%63s %63s %63s", service, user, code) == 3) {
		struct moment start = now();
		int verdict = login(service, user, code);
		report(&start, verdict);
	}
	return 0;
}

static int writes(const char *path, int count)
{
	static char slot[SLOT];
	int file = open(path, O_WRONLY);
	if (file < 0)
		return 1;
	for (int i = 0; i < count; i++) {
		memset(slot, i, sizeof slot);
		struct moment start = now();
		int failed = pwrite(file, slot, SLOT, i % 2 * SLOT) != SLOT || fdatasync(file) != 0;
		report(&start, failed);
	}
	close(file);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "logins") == 0)
		return logins();
	if (argc == 4 && strcmp(argv[1], "write") == 0)
		return writes(argv[2], atoi(argv[3]));
	return 2;
}
