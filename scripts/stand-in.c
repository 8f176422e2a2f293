/*
 * Replaces the kernel for iptables-legacy if it lacks an extension. It is loaded with LD_PRELOAD, reports that every
 * revision is supported, writes tables to the file $STAND_IN_TABLE, and reads them from there.
 * Compiled and used by scripts/fixtures.ts.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter_ipv4/ip_tables.h>

static int is_ours(int level) { return level == 0 || level == 41; }

static struct ipt_replace *written(void)
{
  static char bytes[1 << 20] __attribute__((aligned(8)));
  FILE *file = fopen(getenv("STAND_IN_TABLE"), "rb");
  if (file == NULL) return NULL;
  fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  return (struct ipt_replace *)bytes;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
  int (*next)(int, int, int, const void *, socklen_t) = dlsym(RTLD_NEXT, "setsockopt");
  if (is_ours(level) && option == IPT_SO_SET_ADD_COUNTERS) return 0;
  if (!is_ours(level) || option != IPT_SO_SET_REPLACE) return next(fd, level, option, value, size);
  FILE *file = fopen(getenv("STAND_IN_TABLE"), "wb");
  if (file == NULL) return -1;
  fwrite(value, 1, size, file);
  fclose(file);
  return 0;
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
  int (*next)(int, int, int, void *, socklen_t *) = dlsym(RTLD_NEXT, "getsockopt");
  struct ipt_replace *table = NULL;
  if (is_ours(level) && option > IPT_SO_GET_ENTRIES && *size == sizeof(struct xt_get_revision)) return 0;
  if (is_ours(level) && (option == IPT_SO_GET_INFO || option == IPT_SO_GET_ENTRIES)) table = written();
  if (table == NULL) return next(fd, level, option, value, size);
  if (option == IPT_SO_GET_INFO) {
    struct ipt_getinfo *info = value;
    memset(info, 0, sizeof *info);
    strcpy(info->name, table->name);
    info->valid_hooks = table->valid_hooks;
    memcpy(info->hook_entry, table->hook_entry, sizeof info->hook_entry);
    memcpy(info->underflow, table->underflow, sizeof info->underflow);
    info->num_entries = table->num_entries;
    info->size = table->size;
  } else {
    memcpy(((struct ipt_get_entries *)value)->entrytable, table->entries, table->size);
  }
  return 0;
}
