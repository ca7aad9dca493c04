/* A program that has libpam log somebody in, and does it as badly as a program can: hostile_hosts.rs says how,
 * and what must come of it.
 *
 *     host [OPTION=VALUE]... SERVICE USER [REPLY]...
 *
 * A REPLY answers one call of the conversation that asks something; the last one answers all that follow. Every
 * login has a handle of its own.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    long logins;         /* how many, shared out among the threads */
    long threads;        /* 0: the main thread logs in */
    long stack;          /* bytes a thread has; 0: as usual */
    bool fresh_threads;  /* a thread for each login, which ends after it */
    bool kept;           /* one handle stays open all the while, and so the module loaded */
    long descriptors;    /* how many are left once the stack is loaded; -1: as many as there are */
    bool key;            /* as sshd after a key */
    const char *becomes; /* the user of the login from the first question on */
    bool auth_only;
    bool no_account;
    int flags;
    int expected;        /* of authenticate, in every login; -1: whatever */
    const char *texts;   /* what answers a call that only tells something */
    const char *sigchld;
    const char *codes;   /* a file of answers, one a login */
    const char *module;  /* loaded and unloaded without libpam, as often as there are logins */
    const char *service;
    const char *user;
    char **replies;
} options = {.logins = 1, .descriptors = -1, .expected = -1, .texts = "right"};

static FILE *codes;
static atomic_long unexpected;
static char first_odd_answer[64];

static void die(const char *format, ...)
{
    va_list words;
    va_start(words, format);
    vfprintf(stderr, format, words);
    va_end(words);
    fputc('\n', stderr);
    exit(2);
}

/* ------------------------------------------------------------------ the conversation */

struct login {
    pam_handle_t *pam;
    size_t asked;
    char code[32];
};

static bool asks(const struct pam_message *message)
{
    return message->msg_style == PAM_PROMPT_ECHO_OFF || message->msg_style == PAM_PROMPT_ECHO_ON;
}

static char *repeated(char letter, size_t length)
{
    char *text = malloc(length + 1);
    memset(text, letter, length);
    text[length] = '\0';
    return text;
}

static char *reply_text(const char *how, const struct pam_message *message)
{
    if (how[0] == '=')
        return strdup(how + 1);
    if (!strcmp(how, "1-MiB"))
        return repeated('7', 1 << 20);
    if (!strcmp(how, "all-bytes")) {
        char *text = repeated('x', 255);
        for (int byte = 1; byte < 256; byte++)
            text[byte - 1] = (char)byte;
        return text;
    }
    if (!strcmp(how, "ask")) {
        char line[256];
        printf("%s", message->msg);
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin))
            return NULL;
        line[strcspn(line, "\r\n")] = '\0';
        return strdup(line);
    }
    die("`%s` is no reply", how);
    return NULL;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses, void *data)
{
    struct login *login = data;
    bool question = false;
    for (int i = 0; i < count; i++)
        question |= asks(messages[i]);

    if (question && options.becomes)
        pam_set_item(login->pam, PAM_USER, options.becomes);

    const char *how = options.texts;
    char from_file[40];
    if (question && codes) {
        snprintf(from_file, sizeof from_file, "=%s", login->code);
        how = from_file;
    } else if (question) {
        how = options.replies[login->asked];
        if (!how)
            die("a question came for which there is no reply: %s", messages[count - 1]->msg);
        if (options.replies[login->asked + 1])
            login->asked++;
    }

    if (!strcmp(how, "error"))
        return PAM_CONV_ERR;
    if (!strcmp(how, "again"))
        return PAM_CONV_AGAIN;
    if (!strcmp(how, "unknown-error"))
        return 4711;
    if (!strcmp(how, "error-and-junk")) {
        *responses = (struct pam_response *)(uintptr_t)0xdead;
        return PAM_CONV_ERR;
    }
    if (!strcmp(how, "untouched"))
        return PAM_SUCCESS;
    if (!strcmp(how, "null-array")) {
        *responses = NULL;
        return PAM_SUCCESS;
    }
    struct pam_response *array = calloc((size_t)count, sizeof *array);
    for (int i = 0; i < count; i++) {
        if (!strcmp(how, "null-reply") || !strcmp(how, "right"))
            continue;
        if (!strcmp(how, "wrong-style")) {
            /* Answers what was told as well, with a code that PAM leaves undefined. */
            array[i].resp = strdup("wrong style");
            array[i].resp_retcode = 4711;
        } else if (asks(messages[i])) {
            array[i].resp = reply_text(how, messages[i]);
        } else if (!strcmp(how, "ask")) {
            printf("%s\n", messages[i]->msg);
        }
    }
    *responses = array;
    return PAM_SUCCESS;
}

/* ------------------------------------------------------------------ one login */

static void no_delay(int answer, unsigned delay, void *data)
{
    (void)answer, (void)delay, (void)data;
}

static void use_descriptors_up_but(long left)
{
    int last = -1;
    for (int next; (next = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
        last = next;
    if (errno != EMFILE)
        die("descriptors ran out with %s", strerror(errno));
    while (left-- > 0)
        close(last--);
}

static void log_in(void)
{
    struct login login = {0};
    struct pam_conv conversation = {converse, &login};
    pam_handle_t *pam = NULL;
    int answer = pam_start(options.service, options.user, &conversation, &pam);
    if (answer != PAM_SUCCESS)
        die("pam_start answered %d", answer);
    login.pam = pam;
    /* Or each refusal would take two seconds. */
    pam_set_item(pam, PAM_FAIL_DELAY, (const void *)no_delay);
    if (options.key)
        pam_putenv(pam, "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
    if (codes) {
        if (!fgets(login.code, sizeof login.code, codes))
            die("there are fewer codes than logins");
        login.code[strcspn(login.code, "\n")] = '\0';
    }
    if (options.descriptors >= 0)
        use_descriptors_up_but(options.descriptors);

    int authenticated = pam_authenticate(pam, options.flags), account = -1, session = -1;
    answer = authenticated;
    if (authenticated == PAM_SUCCESS && !options.auth_only) {
        if (!options.no_account)
            answer = account = pam_acct_mgmt(pam, options.flags);
        if (answer == PAM_SUCCESS)
            answer = session = pam_open_session(pam, options.flags);
        if (answer == PAM_SUCCESS)
            pam_close_session(pam, options.flags);
    }
    pam_end(pam, answer);
    if (options.expected >= 0 && authenticated != options.expected) {
        if (atomic_fetch_add(&unexpected, 1) == 0)
            snprintf(first_odd_answer, sizeof first_odd_answer, "%d", authenticated);
    }
    if (options.logins == 1)
        printf("authenticate=%d account=%d session=%d\n", authenticated, account, session);
}

/* ------------------------------------------------------------------ what a program has left */

static long entries(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        die("%s: %s", path, strerror(errno));
    long count = 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

/* Lines of /proc/self/maps, or those alone that name the module. */
static long mappings(const char *name)
{
    char line[512];
    long count = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps))
        count += !name || strstr(line, name);
    if (maps)
        fclose(maps);
    return count;
}

/* One that was waited for is listed until the kernel is done with it, a moment later. */
static long threads(void)
{
    const long only_this = 3; /* With . and .. */
    long count;
    for (int i = 0; (count = entries("/proc/self/task")) > only_this && i < 5000; i++)
        usleep(1000);
    return count;
}

struct usage {
    long bytes, resident_kib, descriptors, mappings, threads;
};

static struct usage usage(void)
{
    struct mallinfo2 heap = mallinfo2();
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (!statm || fscanf(statm, "%*d %ld", &pages) != 1)
        die("/proc/self/statm cannot be read");
    fclose(statm);
    return (struct usage){
        .bytes = (long)(heap.uordblks + heap.hblkhd),
        .resident_kib = pages * (sysconf(_SC_PAGESIZE) / 1024),
        .descriptors = entries("/proc/self/fd"),
        .mappings = mappings(NULL),
        .threads = threads(),
    };
}

/* ------------------------------------------------------------------ many logins */

static void *log_in_as_thread(void *unused)
{
    log_in();
    return unused;
}

static void *log_in_often(void *count)
{
    for (long i = 0; i < *(long *)count; i++)
        log_in();
    return NULL;
}

static pthread_barrier_t all_there;

/* All are there before one can be done: each has an arena of malloc(3), and so the next ones need no more. */
static void *log_in_beside_others(void *count)
{
    void *volatile piece = malloc(1);
    free(piece);
    pthread_barrier_wait(&all_there);
    return log_in_often(count);
}

static pthread_t thread(void *(*body)(void *), void *data)
{
    pthread_t started;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (options.stack && pthread_attr_setstacksize(&attributes, (size_t)options.stack) != 0)
        die("a thread cannot have a stack of %ld bytes", options.stack);
    if (pthread_create(&started, &attributes, body, data) != 0)
        die("a thread cannot be started");
    pthread_attr_destroy(&attributes);
    return started;
}

static void load_and_unload(void)
{
    void *module = dlopen(options.module, RTLD_NOW | RTLD_LOCAL);
    if (!module)
        die("%s", dlerror());
    if (!dlsym(module, "pam_sm_authenticate"))
        die("%s", dlerror());
    dlclose(module);
}

static void log_in_times(long count)
{
    if (options.module) {
        for (long i = 0; i < count; i++)
            load_and_unload();
    } else if (options.fresh_threads) {
        for (long i = 0; i < count; i++)
            pthread_join(thread(log_in_as_thread, NULL), NULL);
    } else if (options.threads) {
        pthread_t threads[64];
        long share = count / options.threads;
        pthread_barrier_init(&all_there, NULL, (unsigned)options.threads);
        for (long i = 0; i < options.threads; i++)
            threads[i] = thread(log_in_beside_others, &share);
        for (long i = 0; i < options.threads; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&all_there);
    } else {
        log_in_often(&count);
    }
}

static void reap(int signal)
{
    (void)signal;
    int before = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    errno = before;
}

static bool is(const char *word, const char *name, const char **value)
{
    size_t length = strlen(name);
    *value = word + length + 1;
    return !strncmp(word, name, length) && word[length] == '=';
}

int main(int argc, char **argv)
{
    int i = 1;
    for (const char *value; i < argc && strchr(argv[i], '='); i++) {
        const char *word = argv[i];
        if (is(word, "logins", &value))
            options.logins = atol(value);
        else if (is(word, "threads", &value))
            options.threads = atol(value);
        else if (is(word, "stack", &value))
            options.stack = atol(value);
        else if (is(word, "free-descriptors", &value))
            options.descriptors = atol(value);
        else if (is(word, "expected", &value))
            options.expected = atoi(value);
        else if (is(word, "texts", &value))
            options.texts = value;
        else if (is(word, "sigchld", &value))
            options.sigchld = value;
        else if (is(word, "codes", &value))
            options.codes = value;
        else if (is(word, "becomes", &value))
            options.becomes = value;
        else if (is(word, "module", &value))
            options.module = value;
        else if (is(word, "with", &value)) {
            options.fresh_threads |= !strcmp(value, "fresh-threads");
            options.kept |= !strcmp(value, "module-kept");
            options.key |= !strcmp(value, "key");
            options.auth_only |= !strcmp(value, "auth-only");
            options.no_account |= !strcmp(value, "no-account");
            options.flags |= !strcmp(value, "silence") ? PAM_SILENT : 0;
        } else
            die("`%s` is no option", word);
    }
    if (argc - i < 2 || options.threads > 64)
        die("usage: host [OPTION=VALUE]... SERVICE USER [REPLY]...");
    options.service = argv[i];
    options.user = argv[i + 1][0] ? argv[i + 1] : NULL;
    options.replies = argv + i + 2;
    if (options.codes && !(codes = fopen(options.codes, "re")))
        die("%s: %s", options.codes, strerror(errno));
    if (options.sigchld) {
        struct sigaction action = {.sa_handler = !strcmp(options.sigchld, "ignored") ? SIG_IGN : reap};
        sigaction(SIGCHLD, &action, NULL);
    }

    if (options.logins == 1) {
        log_in_times(1);
        return 0;
    }
    struct pam_conv nothing = {0};
    pam_handle_t *kept = NULL;
    if (options.kept && pam_start(options.service, options.user, &nothing, &kept) != PAM_SUCCESS)
        die("a handle cannot be kept");
    /* What is allocated once, such as a thread's arena or libc's own tables, is there after a tenth of them. */
    log_in_times(options.logins / 10);
    malloc_trim(0);
    struct usage before = usage();
    log_in_times(options.logins - options.logins / 10);
    malloc_trim(0);
    struct usage after = usage();
    if (kept)
        pam_end(kept, PAM_SUCCESS);
    printf("{\"logins\": %ld, \"unexpected\": %ld, \"first_unexpected\": \"%s\", \"bytes\": %ld, \"resident_kib\": %ld, "
           "\"descriptors\": %ld, \"mappings\": %ld, \"threads\": %ld, \"module_mapped\": %ld}\n",
           options.logins, atomic_load(&unexpected), first_odd_answer, after.bytes - before.bytes,
           after.resident_kib - before.resident_kib, after.descriptors - before.descriptors,
           after.mappings - before.mappings, after.threads - before.threads, mappings("pam_totp.so"));
    return 0;
}
