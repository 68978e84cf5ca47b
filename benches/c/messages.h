/* What the two programs share that take a parser out of another program: the messages of the file that
 * MESSAGES names (`inputs`: a length of four bytes, the least first, before each), and processor time. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct messages {
    size_t count;
    /* Each with a zero behind it. */
    char **bytes;
    size_t *lengths;
};

static struct messages read_messages(void) {
    struct messages all = {0, NULL, NULL};
    const char *name = getenv("MESSAGES");
    FILE *file = name ? fopen(name, "rb") : NULL;
    unsigned char head[4];
    while (file && fread(head, 1, 4, file) == 4) {
        size_t length = head[0] | head[1] << 8 | head[2] << 16 | (size_t)head[3] << 24;
        all.bytes = realloc(all.bytes, (all.count + 1) * sizeof *all.bytes);
        all.lengths = realloc(all.lengths, (all.count + 1) * sizeof *all.lengths);
        all.bytes[all.count] = calloc(1, length + 1);
        all.lengths[all.count] = length;
        if (fread(all.bytes[all.count++], 1, length, file) != length) {
            all.count = 0;
            break;
        }
    }
    if (all.count == 0) {
        fprintf(stderr, "MESSAGES names no file of messages\n");
        exit(2);
    }
    return all;
}

static double nanos(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Prints the median of 101 batches of a few milliseconds, in nanoseconds of processor time a message. */
static void measure(const char *name, const struct messages *all, int (*parse)(char *, size_t)) {
    double batches[101];
    size_t rounds = 1 + 4000 / all->count;
    for (int batch = -5; batch < 101; batch++) {
        double start = nanos();
        for (size_t round = 0; round < rounds; round++)
            for (size_t at = 0; at < all->count; at++)
                if (parse(all->bytes[at], all->lengths[at]) != 0) {
                    fprintf(stderr, "%s: message %zu is not parsed\n", name, at);
                    exit(1);
                }
        if (batch >= 0)
            batches[batch] = (nanos() - start) / (rounds * all->count);
    }
    qsort(batches, 101, sizeof *batches, by_size);
    printf("%s: %.0f ns a message\n", name, batches[50]);
}
