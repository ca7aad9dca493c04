/*
 * A crowd at the door: many processes, each with a PAM handle of its own, that act at the same moment.
 *
 * crowd SERVICE reads rounds from standard input, one a line. A round is parties, with tabs in between; a party
 * is words, with spaces in between:
 *
 *   login COUNT AS USER FROM LATER ANSWER    pam_authenticate with this answer to every question
 *   set-up COUNT AS USER FROM LATER ANSWER   a whole login behind a key: the answer to the first question, then
 *                                            the first code of the secret that is shown
 *   put-off COUNT AS USER FROM LATER ANSWER  the same, with nothing for an answer where that code is asked for
 *   run AS COMMAND ...                       a command of the shell
 *
 * AS is who the process is, FROM the remote host or "-". Everybody gets ready, then all are let go at once; a
 * party that is to be LATER acts so many microseconds after that. For each round one line is written, with a word for everybody in the order of the parties: RESULT:BEGAN:ENDED.
 * The result is PAM's answer, with 100 added for one of the account phase and 200 for one of the session, or
 * the exit status of the command; the moments are microseconds of the monotonic clock.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_MEMBERS 256
#define MOST_PARTIES 16
/* Seconds after which a member that hangs is ended; it counts as one that died. */
#define PATIENCE 60
#define FAILED_TO_ANSWER (-1)

enum kind { LOGIN, SET_UP, PUT_OFF, RUN };

struct party {
    enum kind kind;
    int count;
    useconds_t later;
    const char *as, *user, *from, *answer, *command;
};

struct member {
    int result;
    long began, ended;
};

/* What one member knows of the conversation. */
struct talk {
    const struct party *party;
    int questions;
    char secret[128];
};

static struct member *members;
static const char *service;

static void die(const char *what)
{
    perror(what);
    exit(70);
}

static long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000L + time.tv_nsec / 1000;
}

/* A phone that has scanned the secret. */
static char *first_code(const char *secret)
{
    char command[256], code[16] = "";
    snprintf(command, sizeof command, "oathtool --totp --base32 %s", secret);
    FILE *phone = popen(command, "r");
    if (phone && !fgets(code, sizeof code, phone))
        code[0] = '\0';
    if (phone)
        pclose(phone);
    code[strcspn(code, "\n")] = '\0';
    return strdup(code);
}

static char *reply(struct talk *talk, const char *question)
{
    if (talk->questions++ == 0 || talk->party->kind == LOGIN)
        return strdup(talk->party->answer);
    if (talk->party->kind == SET_UP && strstr(question, "Code from the app"))
        return first_code(talk->secret);
    return strdup("");
}

static void listen_for_secret(struct talk *talk, const char *text)
{
    const char *found = strstr(text, "secret=");
    if (found)
        sscanf(found, "secret=%127[A-Z2-7]", talk->secret);
}

static int converse(int count, const struct pam_message **messages, struct pam_response **replies, void *data)
{
    struct talk *talk = data;
    struct pam_response *made = calloc((size_t)count, sizeof *made);
    if (!made)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++) {
        int style = messages[i]->msg_style;
        if (style == PAM_PROMPT_ECHO_ON || style == PAM_PROMPT_ECHO_OFF)
            made[i].resp = reply(talk, messages[i]->msg);
        else
            listen_for_secret(talk, messages[i]->msg);
    }
    *replies = made;
    return PAM_SUCCESS;
}

/* A host that does not delay failures: the crowd is to be in the way of itself alone. */
static void no_delay(int result, unsigned microseconds, void *data)
{
    (void)result, (void)microseconds, (void)data;
}

static void become(const char *name)
{
    if (strcmp(name, "root") == 0)
        return;
    struct passwd *user = getpwnam(name);
    if (!user || initgroups(name, user->pw_gid) || setgid(user->pw_gid) || setuid(user->pw_uid))
        die(name);
}

static int whole_login(pam_handle_t *pam, enum kind kind)
{
    int result = pam_authenticate(pam, 0);
    if (result != PAM_SUCCESS || kind == LOGIN)
        return result;
    if ((result = pam_acct_mgmt(pam, 0)) != PAM_SUCCESS)
        return 100 + result;
    if ((result = pam_open_session(pam, 0)) != PAM_SUCCESS)
        return 200 + result;
    return PAM_SUCCESS;
}

/* Says that this member is ready, and waits until all are let go. */
static void stand_ready(int ready, int go)
{
    char byte = 0;
    if (write(ready, &byte, 1) != 1)
        die("ready");
    while (read(go, &byte, 1) > 0)
        ;
}

static void act(const struct party *party, struct member *self, int ready, int go)
{
    alarm(PATIENCE);
    become(party->as);
    struct talk talk = { .party = party };
    struct pam_conv conversation = { converse, &talk };
    union { void (*function)(int, unsigned, void *); const void *item; } delay = { no_delay };
    pam_handle_t *pam = NULL;
    if (party->kind != RUN) {
        if (pam_start(service, party->user, &conversation, &pam) != PAM_SUCCESS
            || pam_set_item(pam, PAM_FAIL_DELAY, delay.item) != PAM_SUCCESS)
            die("pam_start");
        if (strcmp(party->from, "-") != 0 && pam_set_item(pam, PAM_RHOST, party->from) != PAM_SUCCESS)
            die("PAM_RHOST");
        /* As sshd tells of a key that it has checked. */
        if (party->kind != LOGIN && pam_putenv(pam, "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA") != PAM_SUCCESS)
            die("pam_putenv");
    }
    stand_ready(ready, go);
    if (party->later)
        usleep(party->later);
    self->began = now();
    int result;
    if (party->kind == RUN) {
        int status = system(party->command);
        result = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    } else {
        result = whole_login(pam, party->kind);
    }
    self->ended = now();
    self->result = result;
    if (pam)
        pam_end(pam, result % 100);
    _exit(0);
}

static char *word(char **rest)
{
    char *found = strsep(rest, " ");
    if (!found) {
        fputs("a party has too few words\n", stderr);
        exit(64);
    }
    return found;
}

static struct party parsed(char *text)
{
    struct party party = { .count = 1 };
    const char *kind = word(&text);
    if (strcmp(kind, "run") == 0) {
        party.kind = RUN;
        party.as = word(&text);
        party.command = text;
        return party;
    }
    party.kind = strcmp(kind, "login") == 0 ? LOGIN : strcmp(kind, "set-up") == 0 ? SET_UP : PUT_OFF;
    party.count = atoi(word(&text));
    party.as = word(&text);
    party.user = word(&text);
    party.from = word(&text);
    party.later = (useconds_t)atol(word(&text));
    party.answer = text ? text : "";
    return party;
}

static void play(char *line)
{
    struct party parties[MOST_PARTIES];
    int ready[2], go[2], count = 0, party_count = 0;
    if (pipe(ready) || pipe(go))
        die("pipe");
    for (char *text; (text = strsep(&line, "\t")) && party_count < MOST_PARTIES;)
        parties[party_count++] = parsed(text);
    for (int p = 0; p < party_count; p++) {
        for (int i = 0; i < parties[p].count && count < MOST_MEMBERS; i++) {
            members[count] = (struct member){ .result = FAILED_TO_ANSWER };
            pid_t child = fork();
            if (child < 0)
                die("fork");
            if (child == 0) {
                close(ready[0]);
                close(go[1]);
                act(&parties[p], &members[count], ready[1], go[0]);
            }
            count++;
        }
    }
    close(ready[1]);
    close(go[0]);
    char byte;
    for (int i = 0; i < count && read(ready[0], &byte, 1) == 1; i++)
        ;
    close(go[1]);
    while (wait(NULL) > 0)
        ;
    close(ready[0]);
    for (int i = 0; i < count; i++)
        printf("%s%d:%ld:%ld", i ? " " : "", members[i].result, members[i].began, members[i].ended);
    putchar('\n');
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: crowd SERVICE\n", stderr);
        return 64;
    }
    service = argv[1];
    size_t size = MOST_MEMBERS * sizeof *members;
    members = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (members == MAP_FAILED)
        die("mmap");
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        play(line);
    }
    return 0;
}
