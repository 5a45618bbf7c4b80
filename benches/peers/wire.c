/* A cable between two network namespaces that delays and loses packets, for kernels without netem.
 *
 *   wire NAMESPACE DEVICE NAMESPACE DEVICE DELAY_MICROSECONDS LOST_PER_MILLION
 *
 * Makes a TAP device in each namespace and carries frames between them until it is ended.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 15, LONGEST = 1 << 16, AT_ONCE = 64 };

struct packet {
    long long due;
    size_t length;
    unsigned char *bytes;
};

struct direction {
    int from, to;
    struct packet waiting[ROOM];
    unsigned first, end;
};

static struct direction directions[2];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int open_tap(const char *namespace, const char *device) {
    char path[256];
    snprintf(path, sizeof path, "/run/netns/%s", namespace);
    int handle = open(path, O_RDONLY | O_CLOEXEC);
    if (handle < 0 || setns(handle, CLONE_NEWNET) != 0) fail(path);
    close(handle);
    int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
    if (tap < 0 || ioctl(tap, TUNSETIFF, &request) != 0) fail(device);
    return tap;
}

/* Sends what is due; returns the nanoseconds until the next packet is, or -1. */
static long long send_due(struct direction *way) {
    long long time = now();
    while (way->first != way->end) {
        struct packet *packet = &way->waiting[way->first % ROOM];
        if (packet->due > time) return packet->due - time;
        if (write(way->to, packet->bytes, packet->length) < 0 && errno != EAGAIN && errno != EIO) fail("write");
        free(packet->bytes);
        way->first++;
    }
    return -1;
}

static void take(struct direction *way, long long delay, long lost_per_million) {
    static unsigned char buffer[LONGEST];
    for (int count = 0; count < AT_ONCE; count++) {
        ssize_t length = read(way->from, buffer, sizeof buffer);
        if (length <= 0) return;
        if (random() % 1000000 < lost_per_million || way->end - way->first >= ROOM) continue;
        struct packet *packet = &way->waiting[way->end++ % ROOM];
        *packet = (struct packet){now() + delay, (size_t)length, malloc((size_t)length)};
        if (packet->bytes == NULL) fail("malloc");
        memcpy(packet->bytes, buffer, (size_t)length);
    }
}

int main(int count, char **words) {
    if (count != 7) {
        fprintf(stderr, "usage: wire NAMESPACE DEVICE NAMESPACE DEVICE DELAY_MICROSECONDS LOST_PER_MILLION\n");
        return 2;
    }
    int one = open_tap(words[1], words[2]), other = open_tap(words[3], words[4]);
    directions[0].from = directions[1].to = one;
    directions[0].to = directions[1].from = other;
    long long delay = atoll(words[5]) * 1000;
    long lost = atol(words[6]);
    puts("ready");
    fflush(stdout);
    for (;;) {
        long long left = send_due(&directions[0]), right = send_due(&directions[1]);
        long long next = left < 0 || (right >= 0 && right < left) ? right : left;
        struct timespec wait = {next / 1000000000, next % 1000000000};
        struct pollfd handles[] = {{one, POLLIN, 0}, {other, POLLIN, 0}};
        if (ppoll(handles, 2, next < 0 ? NULL : &wait, NULL) < 0 && errno != EINTR) fail("ppoll");
        for (int way = 0; way < 2; way++) take(&directions[way], delay, lost);
    }
}
