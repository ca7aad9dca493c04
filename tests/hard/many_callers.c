/* A user who has very many calls of totp-helper under way: hostile_callers/many.rs says what must come of it.
 *
 *     many_callers hold COUNT HELPER            starts so many that ask nothing, and holds their sockets open
 *     many_callers ask COUNT HELPER REQUEST     has so many ask at once, again and again, until the test says so
 *
 * Needs no privilege, and stays within its limit of processes (RLIMIT_NPROC): where that is reached, it waits.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char request[70000];
static size_t request_length;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

/* The caller's end of a call that has begun. */
static int begin(const char *helper, long *waited)
{
    int ends[2];
    pid_t process;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        die("socketpair");
    while ((process = fork()) < 0) {
        if (errno != EAGAIN)
            die("fork");
        (*waited)++;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        usleep(1000);
    }
    if (process == 0) {
        char *words[] = {(char *)helper, NULL};
        dup2(ends[1], 0);
        dup2(ends[1], 1);
        execv(helper, words);
        _exit(127);
    }
    close(ends[1]);
    return ends[0];
}

/* How the helper answered: 'b' for too many calls, 'j' for a verdict, 'n' for nothing, 'o' for anything else. */
static char answered(int socket, int flags)
{
    char answer[4096];
    size_t length = 0;
    ssize_t count;
    while (length < sizeof answer - 1 && (count = recv(socket, answer + length, sizeof answer - 1 - length, flags)) > 0)
        length += (size_t)count;
    answer[length] = '\0';
    return !length                           ? 'n'
           : strstr(answer, "calls under way") ? 'b'
           : strstr(answer, "wrong-code")      ? 'j'
                                             : 'o';
}

static void wait_for_test(void)
{
    char line[16];
    if (!fgets(line, sizeof line, stdin))
        exit(0);
}

static void hold(int count, const char *helper)
{
    long waited = 0, refused = 0;
    int *sockets = calloc((size_t)count, sizeof *sockets);
    for (int i = 0; i < count; i++)
        sockets[i] = begin(helper, &waited);
    printf("started=%d waited=%ld\n", count, waited);
    fflush(stdout);
    wait_for_test();
    for (int i = 0; i < count; i++)
        refused += answered(sockets[i], MSG_DONTWAIT) == 'b';
    printf("refused=%ld\n", refused);
}

/* One of those who ask again and again, until its parent ends it. */
static void keep_asking(const char *helper, int report)
{
    long waited = 0;
    for (;;) {
        int socket = begin(helper, &waited);
        send(socket, request, request_length, MSG_NOSIGNAL);
        shutdown(socket, SHUT_WR);
        char how = answered(socket, 0);
        close(socket);
        while (waitpid(-1, NULL, 0) > 0)
            ;
        if (write(report, &how, 1) != 1)
            _exit(0);
    }
}

static void ask(int count, const char *helper)
{
    static long seen[256];
    char some[4096];
    ssize_t length;
    int report[2];
    pid_t askers[1024];
    if (pipe(report))
        die("pipe");
    for (int i = 0; i < count; i++) {
        askers[i] = fork();
        if (askers[i] < 0)
            die("fork");
        if (askers[i] == 0) {
            close(report[0]);
            signal(SIGPIPE, SIG_IGN);
            keep_asking(helper, report[1]);
        }
    }
    close(report[1]);
    printf("asking=%d\n", count);
    fflush(stdout);
    pid_t ender = fork();
    if (ender == 0) {
        wait_for_test();
        for (int i = 0; i < count; i++)
            kill(askers[i], SIGKILL);
        _exit(0);
    }
    while ((length = read(report[0], some, sizeof some)) > 0)
        for (ssize_t i = 0; i < length; i++)
            seen[(unsigned char)some[i]]++;
    printf("judged=%ld refused=%ld silent=%ld other=%ld\n", seen['j'], seen['b'], seen['n'], seen['o']);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    if (argc < 4)
        return 64;
    int count = atoi(argv[2]);
    if (getrlimit(RLIMIT_NOFILE, &files))
        die("getrlimit");
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files))
        die("setrlimit");
    if (!strcmp(argv[1], "hold")) {
        hold(count, argv[3]);
        return 0;
    }
    FILE *file = argc > 4 && count <= 1024 ? fopen(argv[4], "re") : NULL;
    if (!file)
        return 64;
    request_length = fread(request, 1, sizeof request, file);
    fclose(file);
    ask(count, argv[3]);
    return 0;
}
