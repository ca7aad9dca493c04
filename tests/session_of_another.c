/* Opens a session as sudo 1.9.16 does with pam_silent off: USER types CODE, and the session is that of OTHER. Says what
 * modules say. */

#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *code;

static int converse(int count, const struct pam_message **messages, struct pam_response **replies, void *unused)
{
    (void)unused;
    *replies = calloc((size_t)count, sizeof **replies);
    if (!*replies)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++) {
        printf("%s\n", messages[i]->msg);
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
            (*replies)[i].resp = strdup(code);
    }
    return PAM_SUCCESS;
}

int main(int argc, char **argv)
{
    struct pam_conv conversation = {converse, NULL};
    pam_handle_t *pam;

    if (argc != 4)
        return 64;
    code = argv[3];
    if (pam_start("test", argv[1], &conversation, &pam) != PAM_SUCCESS)
        return 64;
    if (pam_authenticate(pam, 0) != PAM_SUCCESS || pam_acct_mgmt(pam, 0) != PAM_SUCCESS)
        return 1;
    pam_set_item(pam, PAM_USER, argv[2]);
    if (pam_open_session(pam, 0) != PAM_SUCCESS)
        return 2;
    for (char **entry = pam_getenvlist(pam); *entry; entry++)
        puts(*entry);
    return 0;
}
