/* A user who calls totp-helper in ways that no program would: hostile_callers.rs says what must come of it.
 *
 *     caller TRICK[=VALUE] HELPER REQUEST-FILE
 *
 * Prints the answer, and how the helper ended. Needs no privilege.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IO_IDLE (3 << 13)
#define SLACK_WITHOUT_END 4000000000000000000UL

static const char *trick, *value, *helper;

static void die(const char *format, ...)
{
    int error = errno;
    va_list words;
    va_start(words, format);
    vfprintf(stderr, format, words);
    va_end(words);
    fprintf(stderr, ": %s\n", strerror(error));
    exit(2);
}

static bool is(const char *name)
{
    return !strcmp(trick, name);
}

static void must(long result)
{
    if (result < 0)
        die("the trick `%s` cannot be done here", trick);
}

/* ------------------------------------------------------------------ what the helper inherits */

static void limit(void)
{
    static const struct {
        const char *name;
        int resource;
    } limits[] = {{"fsize", RLIMIT_FSIZE}, {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"as", RLIMIT_AS},
                  {"data", RLIMIT_DATA},   {"stack", RLIMIT_STACK},   {"cpu", RLIMIT_CPU},     {"memlock", RLIMIT_MEMLOCK},
                  {"sigpending", RLIMIT_SIGPENDING}};
    char name[16], kind[8];
    unsigned long amount;
    if (sscanf(value, "%15[a-z]:%7[a-z]:%lu", name, kind, &amount) != 3)
        die("`%s` is no limit", value);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (strcmp(limits[i].name, name))
            continue;
        struct rlimit both;
        must(getrlimit(limits[i].resource, &both));
        both.rlim_cur = amount;
        if (!strcmp(kind, "hard"))
            both.rlim_max = amount;
        must(setrlimit(limits[i].resource, &both));
        return;
    }
    die("`%s` is no limit", name);
}

static void allow_cores(void)
{
    struct rlimit both;
    must(getrlimit(RLIMIT_CORE, &both));
    both.rlim_cur = both.rlim_max;
    must(setrlimit(RLIMIT_CORE, &both));
}

/* In the child, right before the helper is there. */
static void prepare(void)
{
    sigset_t all;
    sigfillset(&all);
    if (is("limit"))
        limit();
    else if (is("nice"))
        must(setpriority(PRIO_PROCESS, 0, 19));
    else if (is("idle"))
        must(sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0}));
    else if (is("idle-disk"))
        must(syscall(SYS_ioprio_set, 1, 0, IO_IDLE));
    else if (is("slack"))
        must(prctl(PR_SET_TIMERSLACK, SLACK_WITHOUT_END));
    else if (is("umask"))
        umask(0777);
    else if (is("signals-ignored"))
        for (int number = 1; number < 65; number++)
            signal(number, SIG_IGN);
    else if (is("signals-blocked"))
        must(sigprocmask(SIG_BLOCK, &all, NULL));
    else if (is("signals-pending")) {
        must(sigprocmask(SIG_BLOCK, &all, NULL));
        for (int number = 1; number < 32; number++)
            if (number != SIGKILL && number != SIGSTOP)
                raise(number);
    } else if (is("timer"))
        must(setitimer(ITIMER_REAL, &(struct itimerval){{0, 100}, {0, 100}}, NULL));
    else if (is("death-signal"))
        must(prctl(PR_SET_PDEATHSIG, SIGKILL));
    else if (is("no-new-privileges"))
        must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    else if (is("no-clock"))
        must(prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
    else if (is("out-of-memory-first")) {
        FILE *score = fopen("/proc/self/oom_score_adj", "we");
        must(score && fprintf(score, "1000") > 0 && fclose(score) == 0 ? 0 : -1);
    } else if (is("core")) {
        allow_cores();
    } else if (is("core-signal")) {
        allow_cores();
        /* Where this user may write one. */
        char path[] = "/tmp/core-XXXXXX";
        must(mkdtemp(path) ? 0 : -1);
        must(chdir(path));
    } else if (is("descriptors")) {
        struct rlimit both;
        must(getrlimit(RLIMIT_NOFILE, &both));
        both.rlim_cur = both.rlim_max;
        must(setrlimit(RLIMIT_NOFILE, &both));
        for (int i = 0; i < 1000; i++)
            must(open("/dev/zero", O_RDWR));
    } else if (is("timed-in-cgroup") || is("cgroup-frozen") || is("cgroup-killed")) {
        char path[512];
        snprintf(path, sizeof path, "%s/cgroup.procs", strchr(value, ':') + 1);
        int list = open(path, O_WRONLY | O_CLOEXEC);
        must(list < 0 || write(list, "0", 1) != 1 ? -1 : 0);
    } else if (is("traced"))
        must(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    else if (is("gone-directory")) {
        char path[] = "/tmp/gone-XXXXXX";
        must(mkdtemp(path) ? 0 : -1);
        must(chdir(path));
        must(rmdir(path));
    }
}

static void become_helper(void)
{
    char *usual[] = {(char *)helper, NULL}, *none[] = {NULL}, *huge[12], *many[12];
    char *long_text = malloc(120001);
    memset(long_text, 'A', 120000);
    long_text[120000] = '\0';
    for (int i = 0; i < 11; i++)
        huge[i] = many[i] = long_text;
    huge[11] = many[11] = NULL;
    execve(helper, is("no-arguments") ? none : is("huge-arguments") ? huge : usual, is("huge-environment") ? many : none);
    _exit(127);
}

/* ------------------------------------------------------------------ what is done to a helper that runs */

static long microseconds_since(const struct timespec *begin)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - begin->tv_sec) * 1000000 + (now.tv_nsec - begin->tv_nsec) / 1000;
}

static void wait_microseconds(long microseconds)
{
    struct timespec begin;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    while (microseconds_since(&begin) < microseconds)
        ;
}

/* Tells the test, and goes on when it says so. */
static void pause_for_test(const char *what)
{
    char line[16];
    printf("%s\n", what);
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        exit(2);
}

static void write_cgroup(const char *directory, const char *file, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, file);
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    must(descriptor < 0 || write(descriptor, text, strlen(text)) < 0 ? -1 : 0);
    close(descriptor);
}

static bool is_frozen(const char *directory)
{
    char path[512], line[64];
    bool frozen = false;
    snprintf(path, sizeof path, "%s/cgroup.events", directory);
    FILE *events = fopen(path, "re");
    while (events && fgets(line, sizeof line, events))
        frozen |= !strcmp(line, "frozen 1\n");
    if (events)
        fclose(events);
    return frozen;
}

static long real_uid(pid_t process)
{
    char path[64], line[256];
    long uid = -1;
    snprintf(path, sizeof path, "/proc/%d/status", process);
    FILE *status = fopen(path, "re");
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "Uid: %ld", &uid);
    if (status)
        fclose(status);
    return uid;
}

/* Until the helper has become the owner of the store. */
static void wait_until_shed(pid_t process)
{
    long uid;
    do
        uid = real_uid(process);
    while (uid == 0 || uid == (long)getuid());
}

/*
 * Until the child has become the helper, or has ended. It is not enough that it no longer has this program's name: one
 * that is read while the kernel changes it is part one and part the other.
 */
static void wait_until_executed(pid_t process)
{
    char path[64], expected[16], name[32] = "";
    siginfo_t ended = {0};
    /* The kernel keeps as many bytes of a name. */
    snprintf(expected, sizeof expected, "%s", strrchr(helper, '/') + 1);
    snprintf(path, sizeof path, "/proc/%d/comm", process);
    do {
        /* Before its name is read, as it keeps its last one. */
        waitid(P_PID, (id_t)process, &ended, WEXITED | WNOHANG | WNOWAIT);
        FILE *comm = fopen(path, "re");
        if (!comm || !fgets(name, sizeof name, comm))
            die("%s", path);
        fclose(comm);
        name[strcspn(name, "\n")] = '\0';
    } while (strcmp(name, expected) && !ended.si_pid);
    printf("was=%s\n", name);
}

static void try(const char *what, bool reached)
{
    if (reached)
        printf("reached=%s\n", what);
}

static void reach_for(pid_t process)
{
    static const char *const files[] = {"mem", "environ", "maps", "smaps", "fd", "fdinfo", "auxv", "io", "pagemap",
                                        "syscall", "stack", "map_files", "personality", "ns/mnt"};
    char path[64], byte;
    struct iovec here = {&byte, 1}, there = {(void *)0x1000, 1};
    wait_until_shed(process);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", process, files[i]);
        int descriptor = open(path, O_RDONLY | O_CLOEXEC);
        /* Some are opened by anybody, and read by none. */
        try(files[i], descriptor >= 0 && read(descriptor, &byte, 1) > 0);
        try(files[i], descriptor >= 0 && syscall(SYS_getdents64, descriptor, path, sizeof path) > 0);
        close(descriptor);
    }
    static const char *const links[] = {"exe", "cwd", "root"};
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        char target[64];
        snprintf(path, sizeof path, "/proc/%d/%s", process, links[i]);
        try(links[i], readlink(path, target, sizeof target) >= 0);
    }
    for (int number = 0; number < 65; number++)
        try("a signal", number != SIGCONT && kill(process, number) == 0);
    try("ptrace", ptrace(PTRACE_ATTACH, process, NULL, NULL) == 0);
    try("ptrace", ptrace(PTRACE_SEIZE, process, NULL, NULL) == 0);
    try("its memory", process_vm_readv(process, &here, 1, &there, 1, 0) >= 0 || errno != EPERM);
    try("its limits", prlimit(process, RLIMIT_FSIZE, &(struct rlimit){0, 0}, NULL) == 0);
    try("its priority", setpriority(PRIO_PROCESS, (id_t)process, 19) == 0);
    try("its class", sched_setscheduler(process, SCHED_IDLE, &(struct sched_param){0}) == 0);
    try("its disk priority", syscall(SYS_ioprio_set, 1, process, IO_IDLE) == 0);
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    try("its processors", sched_setaffinity(process, sizeof first, &first) == 0);
    int handle = (int)syscall(SYS_pidfd_open, process, 0);
    try("its descriptors", handle >= 0 && syscall(SYS_pidfd_getfd, handle, 0, 0) >= 0);
    close(handle);
}

/* Lowers its priority for as long as that is allowed, and says what it runs with in the end. */
static void renice(pid_t process)
{
    /* It is this user's until it is the helper, which by then has set its priority back. */
    while (setpriority(PRIO_PROCESS, (id_t)process, 19) == 0) {
        sched_setscheduler(process, SCHED_BATCH, &(struct sched_param){0});
        syscall(SYS_ioprio_set, 1, process, IO_IDLE);
    }
    wait_until_shed(process);
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, (id_t)process);
    printf("nice=%d class=%d disk=%ld\n", nice, sched_getscheduler(process), syscall(SYS_ioprio_get, 1, process) >> 13);
}

static void disturb(pid_t process)
{
    int number;
    long delay;
    if (is("signal") && sscanf(value, "%d:%ld", &number, &delay) == 2) {
        wait_microseconds(delay);
        kill(process, number);
        if (number == SIGTSTP) {
            /* Long enough to be stopped. */
            wait_microseconds(2000);
            kill(process, SIGCONT);
        }
    } else if (is("core-signal") && sscanf(value, "%d:%ld", &number, &delay) == 2) {
        wait_until_executed(process);
        wait_microseconds(delay);
        kill(process, number);
    } else if (is("stop")) {
        wait_microseconds(atol(value));
        siginfo_t seen = {0};
        if (kill(process, SIGSTOP) == 0)
            waitid(P_PID, (id_t)process, &seen, WSTOPPED | WEXITED | WNOWAIT);
        pause_for_test(seen.si_code == CLD_STOPPED ? "stopped" : "too-late");
        kill(process, SIGCONT);
    } else if (is("cgroup-frozen") || is("cgroup-killed")) {
        const char *directory = strchr(value, ':') + 1;
        wait_microseconds(atol(value));
        if (is("cgroup-frozen")) {
            write_cgroup(directory, "cgroup.freeze", "1");
            siginfo_t ended = {0};
            while (!ended.si_pid && !is_frozen(directory))
                waitid(P_PID, (id_t)process, &ended, WEXITED | WNOHANG | WNOWAIT);
            pause_for_test("frozen");
        }
        write_cgroup(directory, is("cgroup-frozen") ? "cgroup.freeze" : "cgroup.kill", is("cgroup-frozen") ? "0" : "1");
    }
}

/* ------------------------------------------------------------------ one call */

int main(int argc, char **argv)
{
    static char request[100000], answer[100000];
    if (argc != 4)
        die("usage: caller TRICK[=VALUE] HELPER REQUEST-FILE");
    trick = argv[1];
    helper = argv[2];
    char *equals = strchr(argv[1], '=');
    if (equals) {
        *equals = '\0';
        value = equals + 1;
    }
    FILE *file = fopen(argv[3], "re");
    if (!file)
        die("%s", argv[3]);
    size_t length = fread(request, 1, sizeof request, file);
    fclose(file);

    int ends[2];
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    bool watched = is("reached-for") || is("reniced"), withheld = is("slack-and-no-request");
    if (withheld)
        trick = "slack";
    if (!watched && !withheld)
        must(send(ends[0], request, length, MSG_NOSIGNAL));
    struct timespec begin;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    pid_t process = fork();
    must(process);
    if (process == 0) {
        must(dup2(ends[1], 0));
        must(dup2(ends[1], 1));
        prepare();
        become_helper();
    }
    close(ends[1]);
    if (is("reached-for"))
        reach_for(process);
    if (is("reniced"))
        renice(process);
    if (is("traced")) {
        int status;
        while (waitpid(process, &status, 0) == process && WIFSTOPPED(status))
            ptrace(PTRACE_CONT, process, NULL, WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
    }
    if (watched)
        must(send(ends[0], request, length, MSG_NOSIGNAL));
    if (!withheld)
        shutdown(ends[0], SHUT_WR);
    disturb(process);

    size_t got = 0;
    ssize_t count;
    while ((count = recv(ends[0], answer + got, sizeof answer - 1 - got, 0)) > 0)
        got += (size_t)count;
    printf("%s\n", answer);
    if (is("timed") || is("timed-in-cgroup"))
        printf("took=%ld\n", microseconds_since(&begin));
    int status = 0;
    if (waitpid(process, &status, 0) == process)
        printf("ended=%s:%d core=%d\n", WIFEXITED(status) ? "status" : "signal",
               WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), WIFSIGNALED(status) && WCOREDUMP(status));
    return 0;
}
