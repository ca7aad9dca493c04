/*
 * A directory service for the hosts of the tests: an NSS module in the place of sssd or winbind.
 *
 * Users and groups stand in two files that read like passwd(5) and group(5). Names are found whatever their
 * case, and come back in the directory's spelling. The passwords stand there in clear, and are hashed where
 * shadow is asked. While DOWN exists every call fails with the errno that stands in it.
 */
#define _GNU_SOURCE
#include <crypt.h>
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define USERS "/etc/directory/passwd"
#define GROUPS "/etc/directory/group"
#define DOWN "/run/directory-down"

typedef enum nss_status status;

static status unavailable(int error, int *errnop)
{
    *errnop = error;
    return error == EAGAIN ? NSS_STATUS_TRYAGAIN : NSS_STATUS_UNAVAIL;
}

static status unknown(int *errnop)
{
    *errnop = ENOENT;
    return NSS_STATUS_NOTFOUND;
}

/* Opens one of the files, as a client connects to its service. */
static status connect_to(const char *path, FILE **file, int *errnop)
{
    FILE *down = fopen(DOWN, "re");
    if (down) {
        int error = ECONNREFUSED;
        if (fscanf(down, "%d", &error) != 1)
            error = ECONNREFUSED;
        fclose(down);
        return unavailable(error, errnop);
    }
    *file = fopen(path, "re");
    return *file ? NSS_STATUS_SUCCESS : unavailable(errno, errnop);
}

/* What a reader of the next line returned; glibc comes again with a larger buffer after ERANGE. */
static status status_of(int error, int *errnop)
{
    switch (error) {
    case 0:
        return NSS_STATUS_SUCCESS;
    case ENOENT:
        return unknown(errnop);
    case ERANGE:
        *errnop = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    default:
        return unavailable(error, errnop);
    }
}

/* The user of this name or, where there is none, of this uid. */
static status find_user(const char *name, uid_t uid, struct passwd *user, char *buffer, size_t size, int *errnop)
{
    FILE *file;
    struct passwd *found;
    status answer = connect_to(USERS, &file, errnop);
    if (answer != NSS_STATUS_SUCCESS)
        return answer;
    do
        answer = status_of(fgetpwent_r(file, user, buffer, size, &found), errnop);
    while (answer == NSS_STATUS_SUCCESS && (name ? strcasecmp(user->pw_name, name) != 0 : user->pw_uid != uid));
    fclose(file);
    return answer;
}

/* As passwd shows it where the password stands in shadow. */
static status without_password(status answer, struct passwd *user)
{
    if (answer == NSS_STATUS_SUCCESS)
        strcpy(user->pw_passwd, user->pw_passwd[0] ? "x" : "");
    return answer;
}

status _nss_directory_getpwnam_r(const char *name, struct passwd *user, char *buffer, size_t size, int *errnop)
{
    return without_password(find_user(name, 0, user, buffer, size, errnop), user);
}

status _nss_directory_getpwuid_r(uid_t uid, struct passwd *user, char *buffer, size_t size, int *errnop)
{
    return without_password(find_user(NULL, uid, user, buffer, size, errnop), user);
}

status _nss_directory_getspnam_r(const char *name, struct spwd *entry, char *buffer, size_t size, int *errnop)
{
    struct passwd user;
    status answer = find_user(name, 0, &user, buffer, size, errnop);
    if (answer != NSS_STATUS_SUCCESS)
        return answer;
    struct crypt_data *work = calloc(1, sizeof *work);
    const char *hash = work ? crypt_r(user.pw_passwd, "$5$directory$", work) : NULL;
    char *end = user.pw_shell + strlen(user.pw_shell) + 1;
    if (!hash)
        answer = unavailable(ENOMEM, errnop);
    else if (strlen(hash) >= (size_t)(buffer + size - end))
        answer = status_of(ERANGE, errnop);
    else
        *entry = (struct spwd){.sp_namp = user.pw_name, .sp_pwdp = strcpy(end, hash), .sp_lstchg = 20000,
                               .sp_max = 99999, .sp_warn = 7, .sp_inact = -1, .sp_expire = -1, .sp_flag = ~0UL};
    free(work);
    return answer;
}

static status find_group(const char *name, gid_t gid, struct group *group, char *buffer, size_t size, int *errnop)
{
    FILE *file;
    struct group *found;
    status answer = connect_to(GROUPS, &file, errnop);
    if (answer != NSS_STATUS_SUCCESS)
        return answer;
    do
        answer = status_of(fgetgrent_r(file, group, buffer, size, &found), errnop);
    while (answer == NSS_STATUS_SUCCESS && (name ? strcasecmp(group->gr_name, name) != 0 : group->gr_gid != gid));
    fclose(file);
    return answer;
}

status _nss_directory_getgrnam_r(const char *name, struct group *group, char *buffer, size_t size, int *errnop)
{
    return find_group(name, 0, group, buffer, size, errnop);
}

status _nss_directory_getgrgid_r(gid_t gid, struct group *group, char *buffer, size_t size, int *errnop)
{
    return find_group(NULL, gid, group, buffer, size, errnop);
}

/* Adds a group to the list that initgroups(3) and getgrouplist(3) gather, which may grow up to a limit. */
static int add(gid_t gid, long *start, long *size, gid_t **groups, long limit)
{
    if (*start == *size) {
        long larger = limit > 0 && *size * 2 > limit ? limit : *size * 2;
        gid_t *moved = larger > *size ? realloc(*groups, (size_t)larger * sizeof **groups) : NULL;
        if (!moved)
            return 0;
        *groups = moved;
        *size = larger;
    }
    (*groups)[(*start)++] = gid;
    return 1;
}

status _nss_directory_initgroups_dyn(const char *name, gid_t primary, long *start, long *size, gid_t **groups,
                                     long limit, int *errnop)
{
    static const size_t longest = 1 << 16;
    FILE *file;
    struct group group, *found;
    status answer = connect_to(GROUPS, &file, errnop);
    if (answer != NSS_STATUS_SUCCESS)
        return answer;
    char *buffer = malloc(longest);
    int error = buffer ? 0 : ENOMEM;
    while (!error && !(error = fgetgrent_r(file, &group, buffer, longest, &found)))
        for (char **member = group.gr_mem; *member && !error; member++)
            if (strcasecmp(*member, name) == 0 && group.gr_gid != primary &&
                !add(group.gr_gid, start, size, groups, limit))
                error = ENOMEM;
    free(buffer);
    fclose(file);
    return error == ENOENT ? NSS_STATUS_SUCCESS : unavailable(error, errnop);
}

/* Enumeration; glibc lets one thread in at a time. */
static FILE *users, *groups;

static status rewind_to(FILE **file, const char *path)
{
    if (*file)
        fclose(*file);
    *file = NULL;
    return connect_to(path, file, &errno);
}

status _nss_directory_setpwent(int stay_open)
{
    (void)stay_open;
    return rewind_to(&users, USERS);
}

status _nss_directory_endpwent(void)
{
    if (users)
        fclose(users);
    users = NULL;
    return NSS_STATUS_SUCCESS;
}

status _nss_directory_getpwent_r(struct passwd *user, char *buffer, size_t size, int *errnop)
{
    struct passwd *found;
    if (!users)
        return unavailable(ECONNREFUSED, errnop);
    return without_password(status_of(fgetpwent_r(users, user, buffer, size, &found), errnop), user);
}

status _nss_directory_setgrent(int stay_open)
{
    (void)stay_open;
    return rewind_to(&groups, GROUPS);
}

status _nss_directory_endgrent(void)
{
    if (groups)
        fclose(groups);
    groups = NULL;
    return NSS_STATUS_SUCCESS;
}

status _nss_directory_getgrent_r(struct group *group, char *buffer, size_t size, int *errnop)
{
    struct group *found;
    if (!groups)
        return unavailable(ECONNREFUSED, errnop);
    return status_of(fgetgrent_r(groups, group, buffer, size, &found), errnop);
}
