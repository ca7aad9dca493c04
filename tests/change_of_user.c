/* Authenticates one user, then goes on as another: FIRST SECOND. Each question is answered by an empty line, and
 * the answers of auth, account and session are said. */

#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>

static int converse(int count, const struct pam_message **messages, struct pam_response **replies, void *unused)
{
    (void)unused;
    *replies = calloc((size_t)count, sizeof **replies);
    if (!*replies)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++) {
        printf("shown: %s\n", messages[i]->msg);
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF || messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
            (*replies)[i].resp = calloc(1, 1);
    }
    return PAM_SUCCESS;
}

int main(int argc, char **argv)
{
    struct pam_conv conversation = {converse, NULL};
    pam_handle_t *pam;

    if (argc != 3 || pam_start("test", argv[1], &conversation, &pam) != PAM_SUCCESS)
        return 64;
    pam_putenv(pam, "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
    int auth = pam_authenticate(pam, 0);
    pam_set_item(pam, PAM_USER, argv[2]);
    int account = pam_acct_mgmt(pam, 0), session = pam_open_session(pam, 0);
    printf("auth: %d account: %d session: %d\n", auth, account, session);
    pam_end(pam, session);
    return 0;
}
