/* Authenticates one user and goes on as another: FIRST SECOND [ANSWER]. With an answer the name is changed while
 * the code is asked for, which gets that answer; else once the auth phase is over, and questions get an empty line.
 * The answers of auth, account and session are said. */

#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pam_handle_t *pam;
static const char *second, *answer;

static int converse(int count, const struct pam_message **messages, struct pam_response **replies, void *unused)
{
    (void)unused;
    *replies = calloc((size_t)count, sizeof **replies);
    if (!*replies)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++) {
        printf("shown: %s\n", messages[i]->msg);
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF || messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
            (*replies)[i].resp = strdup(answer ? answer : "");
    }
    if (answer)
        pam_set_item(pam, PAM_USER, second);
    return PAM_SUCCESS;
}

int main(int argc, char **argv)
{
    struct pam_conv conversation = {converse, NULL};

    if (argc < 3 || argc > 4)
        return 64;
    second = argv[2];
    answer = argv[3];
    if (pam_start("test", argv[1], &conversation, &pam) != PAM_SUCCESS)
        return 64;
    pam_putenv(pam, "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
    int auth = pam_authenticate(pam, 0);
    pam_set_item(pam, PAM_USER, second);
    int account = pam_acct_mgmt(pam, 0), session = pam_open_session(pam, 0);
    printf("auth: %d account: %d session: %d\n", auth, account, session);
    pam_end(pam, session);
    return 0;
}
