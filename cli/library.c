/* SPDX-License-Identifier: MPL-2.0 */

/*  Whether a file is a libzmq, and whether it is ours.  */

#include "cli.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/mman.h>

#include "zds_settings.h"

/*  Where the dual-stack libzmq was installed.  */
#ifndef ZDS_LIBDIR
#error "ZDS_LIBDIR is the build system's to define"
#endif

int image_open (image_t *image_, const char *path_)
{
    /*  Anything may be there, and with a FIFO, open would wait for a writer.  */
    const int fd = open (path_, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    void *at = MAP_FAILED;
    int rc = 0;

    memset (image_, 0, sizeof *image_);
    if (fd == -1)
        return errno;
    if (fstat (fd, &image_->about) != 0)
        rc = errno;
    else if (S_ISREG (image_->about.st_mode) && image_->about.st_size > 0) {
        at = mmap (NULL, (size_t) image_->about.st_size, PROT_READ, MAP_PRIVATE,
                   fd, 0);
        rc = at == MAP_FAILED ? errno : 0;
    }
    if (at != MAP_FAILED) {
        image_->at = at;
        image_->size = (size_t) image_->about.st_size;
    }
    close (fd);
    return rc;
}

void image_close (image_t *image_)
{
    if (image_->at != NULL)
        munmap (image_->at, image_->size);
}

bool image_take (const image_t *image_,
                 uint64_t offset_,
                 void *to_,
                 size_t size_)
{
    if (image_->at == NULL || offset_ > image_->size
        || size_ > image_->size - offset_)
        return false;
    memcpy (to_, image_->at + offset_, size_);
    return true;
}

/*  Whether the table of dynamic symbols, with its strings, defines the name.  */
static bool table_defines (const image_t *image_,
                           const ELF (Shdr) * table_,
                           const ELF (Shdr) * strings_,
                           const char *name_)
{
    const size_t size = strlen (name_) + 1;
    ELF (Sym) symbol;
    char name[32];
    uint64_t at;

    for (at = 0;
         at < table_->sh_size
         && image_take (image_, table_->sh_offset + at, &symbol, sizeof symbol);
         at += sizeof symbol)
        if (symbol.st_shndx != SHN_UNDEF
            && image_take (image_, strings_->sh_offset + symbol.st_name, name,
                           size)
            && memcmp (name, name_, size) == 0)
            return true;
    return false;
}

static bool defines (const image_t *image_, const char *name_)
{
    ELF (Ehdr) header;
    ELF (Shdr) table, strings;
    uint64_t i;

    if (!image_take (image_, 0, &header, sizeof header)
        || memcmp (header.e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    for (i = 0; i < header.e_shnum; i++)
        if (image_take (image_, header.e_shoff + i * header.e_shentsize, &table,
                        sizeof table)
            && table.sh_type == SHT_DYNSYM
            && image_take (image_,
                           header.e_shoff
                             + (uint64_t) table.sh_link * header.e_shentsize,
                           &strings, sizeof strings))
            return table_defines (image_, &table, &strings, name_);
    return false;
}

int library_read (library_t *library_, const char *path_)
{
    image_t image;
    const char *marker;
    char text[100] = "";
    int rc = image_open (&image, path_);

    if (image.size > EI_CLASS && memcmp (image.at, ELFMAG, SELFMAG) == 0
        && image.at[EI_CLASS] != ELF_CLASS)
        rc = ENOEXEC;
    memset (library_, 0, sizeof *library_);
    library_->is_libzmq = image.at != NULL && defines (&image, "zmq_ctx_new");
    library_->has_drafts = defines (&image, "zmq_join");
    if (library_->is_libzmq) {
        marker = memmem (image.at, image.size, ZDS_MARKER, strlen (ZDS_MARKER));
        library_->is_ours =
          marker != NULL
          && image_take (&image, (uint64_t) (marker - image.at), text,
                         sizeof text - 1);
    }
    sscanf (text, ZDS_MARKER "%31[0-9a-zA-Z.+~-]" ZDS_MARKER_ON "%31[0-9.]",
            library_->version, library_->on);
    image_close (&image);
    return rc;
}

bool library_is_called_so (const char *path_)
{
    const char *const slash = strrchr (path_, '/');

    return strncmp (slash == NULL ? path_ : slash + 1, "libzmq", 6) == 0;
}

/*  --- the builds ----------------------------------------------------------------  */

const char *library_dir (void)
{
    static char path[PATH_MAX];
    const char *const dir = getenv ("ZDS_LIBDIR");

    if (dir == NULL || dir[0] == '\0')
        return ZDS_LIBDIR;
    return realpath (dir, path) == NULL ? dir : path;
}

/*  Whether a build is a better choice than 'best_', which may be empty.  */
static bool is_better (const library_t *build_,
                       const library_t *best_,
                       const char *version_,
                       bool drafts_)
{
    if (!build_->is_ours || (drafts_ && !build_->has_drafts)
        || (version_ != NULL && strcmp (build_->on, version_) != 0))
        return false;
    return !best_->is_ours || strverscmp (build_->on, best_->on) > 0
           || (!drafts_ && best_->has_drafts && !build_->has_drafts
               && strcmp (build_->on, best_->on) == 0);
}

char *library_build (const char *version_, bool drafts_)
{
    static const char *const places[] = {
      "/libzmq.so.5", "/zmq-dualstack/*/libzmq.so.5", "/../[0-9]*/libzmq.so.5"};
    library_t best, build;
    char *found = NULL;
    char pattern[4096];
    glob_t files;
    size_t i, k;

    memset (&best, 0, sizeof best);
    for (i = 0; i < 3 && (version_ != NULL || found == NULL); i++) {
        snprintf (pattern, sizeof pattern, "%s%s", library_dir (), places[i]);
        if (glob (pattern, 0, NULL, &files) != 0)
            continue;
        for (k = 0; k < files.gl_pathc; k++)
            if (library_read (&build, files.gl_pathv[k]) == 0
                && is_better (&build, &best, version_, drafts_)) {
                free (found);
                found = realpath (files.gl_pathv[k], NULL);
                best = build;
            }
        globfree (&files);
    }
    return found;
}

bool library_exists (const char *command_)
{
    char *const path = library_build (NULL, false);

    if (path == NULL)
        cli_fail (0, command_,
                  "no dual-stack libzmq in %.200s (an update of the system's "
                  "libzmq replaces it)",
                  library_dir ());
    free (path);
    return path != NULL;
}

bool library_audit (char **command_, char **audit_)
{
    static const char *const dirs[] = {ZDS_LIBDIR "/zmq-dualstack", ZDS_LIBDIR,
                                       ZDS_LIBDIR "/..", NULL};
    char file[4096];
    size_t i;

    *command_ = realpath ("/proc/self/exe", NULL);
    *audit_ = NULL;
    for (i = 0; *command_ != NULL && *audit_ == NULL && i < 4; i++) {
        if (dirs[i] != NULL)
            snprintf (file, sizeof file, "%s/audit.so", dirs[i]);
        else
            snprintf (file, sizeof file, "%.*s/audit.so",
                      (int) (strrchr (*command_, '/') - *command_), *command_);
        *audit_ = realpath (file, NULL);
    }
    if (*command_ == NULL)
        cli_fail (0, "/proc", "it is needed, and is not there");
    else if (*audit_ == NULL)
        cli_fail (0, "audit.so", "this part of zmq-dualstack is missing");
    return *audit_ != NULL;
}
