/* Logs in through libpam, one login after the other, and says how long each took.
 *
 * driver logins
 *     reads logins from standard input, one a line: SERVICE USER CODE. Every prompt is answered with CODE. For each
 *     login one line: nanoseconds by the clock and of the processor from pam_start to pam_end, and the verdict. The
 *     delay that a failure asks for is left out: it is the program's to wait, and no module's work.
 *     The service "bare" is none: there USER is a directory, and CODE the number of a file in it. 4096 bytes are
 *     written into one half of that file of 8192, with fdatasync. No login that lasts over a power cut can do with
 *     less. A file that is missing is made first.
 * driver processes
 *     the same, each login in a process of its own, as sshd has one: its memory is yet to be touched.
 * driver crowd
 *     reads logins likewise, and does all of them at the same moment, each in a process of its own; prints the
 *     nanoseconds to the last verdict and how many got in.
 * driver load LIBRARY COUNT
 *     loads a library as libpam does and lets go of it, each time in a process that has not had it yet; one line
 *     each.
 * driver memory SERVICE USER CODE
 *     logs in once more after a login by the service "empty", and prints by how many bytes resident and
 *     proportional memory have grown when the verdict is there, and resident memory at its peak.
 * driver start COUNT INPUT PROGRAM ARGUMENT...
 *     starts a program on a socket, sends it the file INPUT, and reads to the end of its answer; one line each, with
 *     its exit status for a verdict. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

static pam_handle_t *ask(const char *service, const char *user, const struct pam_conv *conversation, int *verdict)
{
	pam_handle_t *pam;
	if (pam_start(service, user, conversation, &pam) != PAM_SUCCESS)
		exit(1);
	pam_set_item(pam, PAM_RHOST, "192.0.2.66");
	pam_set_item(pam, PAM_FAIL_DELAY, (const void *)no_delay);
	*verdict = pam_authenticate(pam, 0);
	return pam;
}

static int login(const char *service, const char *user, char *code)
{
	const struct pam_conv conversation = {answer, code};
	int verdict;
	pam_handle_t *pam = ask(service, user, &conversation, &verdict);
	pam_end(pam, verdict);
	return verdict;
}

/* An open file of two slots that are on the disk; -1 where there is none. */
static int two_slots(const char *directory, const char *number, const char *slot)
{
	char path[256];
	struct stat found;
	snprintf(path, sizeof path, "%s/%s", directory, number);
	int file = open(path, O_WRONLY | O_CREAT, 0600);
	if (file < 0 || fstat(file, &found) != 0)
		return -1;
	if (found.st_size == 2 * SLOT)
		return file;
	int failed = pwrite(file, slot, SLOT, 0) != SLOT || pwrite(file, slot, SLOT, SLOT) != SLOT || fsync(file) != 0;
	return failed ? -1 : file;
}

static void measured_write(const char *directory, const char *number)
{
	static char slot[SLOT];
	memset(slot, (int)time(NULL), sizeof slot);
	int file = two_slots(directory, number, slot);
	struct moment start = now();
	int failed = pwrite(file, slot, SLOT, getpid() % 2 * SLOT) != SLOT || fdatasync(file) != 0;
	report(&start, failed);
	close(file);
}

static void measured_login(const char *service, const char *user, char *code)
{
	if (strcmp(service, "bare") == 0) {
		measured_write(user, code);
		return;
	}
	struct moment start = now();
	int verdict = login(service, user, code);
	report(&start, verdict);
}

static int logins(int in_processes)
{
	char service[64], user[64], code[64];
	while (scanf("%63s %63s %63s", service, user, code) == 3) {
		fflush(stdout);
		pid_t process = in_processes ? fork() : 0;
		if (process < 0)
			return 1;
		if (process == 0)
			measured_login(service, user, code);
		if (process == 0 && in_processes) {
			fflush(stdout);
			_exit(0);
		}
		if (in_processes)
			waitpid(process, NULL, 0);
	}
	return 0;
}

#define MOST_AT_ONCE 256

static int crowd(void)
{
	char service[64], user[64], code[64], nothing;
	pid_t all[MOST_AT_ONCE];
	int count = 0, passed = 0, ready[2], gate[2];
	if (pipe(ready) != 0 || pipe(gate) != 0)
		return 1;
	while (count < MOST_AT_ONCE && scanf("%63s %63s %63s", service, user, code) == 3) {
		pid_t process = fork();
		if (process < 0)
			return 1;
		if (process == 0) {
			close(gate[1]);
			/* libpam and all it needs are in memory, as they are in a server. */
			login("empty", user, code);
			if (write(ready[1], "", 1) != 1 || read(gate[0], &nothing, 1) != 0)
				_exit(1);
			_exit(login(service, user, code) == PAM_SUCCESS ? 0 : 1);
		}
		all[count++] = process;
	}
	for (int i = 0; i < count; i++)
		if (read(ready[0], &nothing, 1) != 1)
			return 1;
	struct timespec start, end;
	clock_gettime(CLOCK_MONOTONIC, &start);
	close(gate[1]);
	for (int i = 0; i < count; i++) {
		int status;
		waitpid(all[i], &status, 0);
		passed += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%lld %d\n", between(&start, &end), passed);
	return 0;
}

static int loads(const char *library, int count)
{
	for (int i = 0; i < count; i++) {
		fflush(stdout);
		pid_t process = fork();
		if (process < 0)
			return 1;
		if (process == 0) {
			struct moment start = now();
			void *module = dlopen(library, RTLD_NOW);
			if (module)
				dlclose(module);
			report(&start, !module);
			fflush(stdout);
			_exit(0);
		}
		waitpid(process, NULL, 0);
	}
	return 0;
}

/* Bytes of a line such as "Rss:    512 kB". */
static long line_of(const char *path, const char *name)
{
	char line[256];
	long kilobytes = -1;
	FILE *file = fopen(path, "r");
	while (file && kilobytes < 0 && fgets(line, sizeof line, file))
		if (strncmp(line, name, strlen(name)) == 0)
			kilobytes = atol(line + strlen(name));
	if (file)
		fclose(file);
	return kilobytes * 1024;
}

static const char *const memory_now = "/proc/self/smaps_rollup";

static int memory(const char *service, const char *user, char *code)
{
	if (login("empty", user, code) != PAM_SUCCESS)
		return 1;
	long resident = line_of(memory_now, "Rss:"), proportional = line_of(memory_now, "Pss:");
	/* From here on the peak counts. */
	int peak = open("/proc/self/clear_refs", O_WRONLY);
	if (peak < 0 || write(peak, "5", 1) != 1)
		return 1;
	close(peak);
	const struct pam_conv conversation = {answer, code};
	int verdict;
	pam_handle_t *pam = ask(service, user, &conversation, &verdict);
	long resident_after = line_of(memory_now, "Rss:"), proportional_after = line_of(memory_now, "Pss:");
	long peak_after = line_of("/proc/self/status", "VmHWM:");
	printf("%ld %ld %ld %d\n", resident_after - resident, proportional_after - proportional,
	       peak_after - resident, verdict);
	pam_end(pam, verdict);
	return 0;
}

static pid_t started(int theirs, char **program)
{
	pid_t process = fork();
	if (process == 0) {
		int nowhere = open("/dev/null", O_WRONLY);
		dup2(theirs, 0);
		dup2(theirs, 1);
		dup2(nowhere, 2);
		execv(program[0], program);
		_exit(127);
	}
	return process;
}

static int starts(int count, const char *path, char **program)
{
	static char input[65536], output[65536];
	int file = open(path, O_RDONLY);
	ssize_t length = file < 0 ? -1 : read(file, input, sizeof input);
	if (length < 0)
		return 1;
	close(file);
	for (int i = 0; i < count; i++) {
		int ends[2], status;
		struct moment start = now();
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
			return 1;
		pid_t process = started(ends[1], program);
		close(ends[1]);
		if (length > 0 && send(ends[0], input, (size_t)length, MSG_NOSIGNAL) != length)
			return 1;
		shutdown(ends[0], SHUT_WR);
		while (read(ends[0], output, sizeof output) > 0)
			;
		struct timespec answered;
		clock_gettime(CLOCK_MONOTONIC, &answered);
		waitpid(process, &status, 0);
		close(ends[0]);
		printf("%lld 0 %d\n", between(&start.clock, &answered), WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (argc == 2 && strcmp(what, "logins") == 0)
		return logins(0);
	if (argc == 2 && strcmp(what, "processes") == 0)
		return logins(1);
	if (argc == 2 && strcmp(what, "crowd") == 0)
		return crowd();
	if (argc == 4 && strcmp(what, "load") == 0)
		return loads(argv[2], atoi(argv[3]));
	if (argc == 5 && strcmp(what, "memory") == 0)
		return memory(argv[2], argv[3], argv[4]);
	if (argc >= 5 && strcmp(what, "start") == 0)
		return starts(atoi(argv[2]), argv[3], argv + 4);
	return 2;
}
