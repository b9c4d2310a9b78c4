// kbench: load generator, open-loop generator, latency sink, dumper and speed-of-light copier on librdkafka.
//   kbench gen   BOOT TOPIC N SEED USERS T0_MS STEP_US        preload transactions, full speed
//   kbench users BOOT TOPIC USERS TS_MS                       preload the users table
//   kbench load  BOOT TOPIC RATE SECONDS SEED USERS           open loop: records stamped with their intended send ms
//   kbench lat   BOOT TOPIC OUTFILE STOPFILE                  read_committed tail; 8 byte LE pairs (u32 rel_ms, u32 latency_us)
//   kbench dump  BOOT TOPIC                                   read_committed from start to end: key \t ts \t value lines
//   kbench copy  BOOT IN OUT GROUP alo|eos COMMIT_MS          speed of light: same bytes, consumer group, until SIGTERM
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static volatile sig_atomic_t stop_;
static void on_term(int s) {
    (void)s;
    stop_ = 1;
}
static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
static void die(const char* m, const char* e) {
    fprintf(stderr, "kbench: %s: %s\n", m, e);
    exit(1);
}
static rd_kafka_conf_t* conf(int n, const char** kv) {
    rd_kafka_conf_t* c = rd_kafka_conf_new();
    char e[512];
    for (int i = 0; i < n; i += 2)
        if (kv[i + 1] && rd_kafka_conf_set(c, kv[i], kv[i + 1], e, sizeof e)) die(kv[i], e);
    return c;
}
static int64_t failed_;
static void dr(rd_kafka_t* k, const rd_kafka_message_t* m, void* o) {
    (void)k;
    (void)o;
    if (m->err) {
        if (!failed_++) fprintf(stderr, "delivery: %s\n", rd_kafka_err2str(m->err));
    }
}

// ---- the deterministic transaction: splitmix64 of (seed, i)
static uint64_t mix(uint64_t z) {
    z += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}
static const char* CAT[6] = {"Electronics", "Fashion", "Beauty", "Home", "Sports", "Grocery"};
static const char* PAY[5] = {"credit_card", "debit_card", "paypal", "apple_pay", "bank_transfer"};
static int tx(uint64_t seed, uint64_t i, uint32_t users, int64_t ts, char* key, int* klen, char* v) {
    uint64_t a = mix(seed * 0x100000001B3ULL + i), b = mix(a), c = mix(b), d = mix(c);
    uint32_t u = (uint32_t)(a % users), cents = 1000 + (uint32_t)(b % 99000), cat = (uint32_t)(c % 6), item = (uint32_t)((c >> 8) % 100),
             pay = (uint32_t)((c >> 32) % 5);
    *klen = sprintf(key, "user_%06u", u);
    return sprintf(
        v,
        "{\"transaction_id\":\"%08x-%04x-4%03x-%04x-%012" PRIx64
        "\",\"user_id\":\"%s\",\"product_category\":\"%s\",\"product_name\":\"%s Item %02u\",\"amount\":%u.%02u,\"timestamp\":%" PRId64
        ",\"payment_method\":\"%s\"}",
        (uint32_t)(d >> 32), (uint32_t)(d >> 16) & 0xffff, (uint32_t)d & 0xfff, 0x8000 | ((uint32_t)(a >> 48) & 0x3fff),
        (uint64_t)(b & 0xffffffffffffULL), key, CAT[cat], CAT[cat], item, cents / 100, cents % 100, ts, PAY[pay]);
}
static rd_kafka_t* producer(const char* boot, const char* linger, const char* txid) {
    const char* kv[] = {"bootstrap.servers",
                        boot,
                        "linger.ms",
                        linger,
                        "acks",
                        "all",
                        "partitioner",
                        "murmur2_random",
                        "queue.buffering.max.messages",
                        "1000000",
                        "queue.buffering.max.kbytes",
                        "262144",
                        "transactional.id",
                        txid,
                        "compression.codec",
                        "none"};
    rd_kafka_conf_t* c = conf(16, kv);
    rd_kafka_conf_set_dr_msg_cb(c, dr);
    char e[512];
    rd_kafka_t* p = rd_kafka_new(RD_KAFKA_PRODUCER, c, e, sizeof e);
    if (!p) die("producer", e);
    return p;
}
static void put(rd_kafka_t* p, const char* t, const void* k, size_t kl, const void* v, size_t vl, int64_t ts, int part) {
    for (;;) {
        rd_kafka_resp_err_t e =
            rd_kafka_producev(p, RD_KAFKA_V_TOPIC(t), RD_KAFKA_V_KEY(k, kl), RD_KAFKA_V_VALUE((void*)v, vl), RD_KAFKA_V_TIMESTAMP(ts),
                              RD_KAFKA_V_PARTITION(part), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (!e) return;
        if (e != RD_KAFKA_RESP_ERR__QUEUE_FULL) die("produce", rd_kafka_err2str(e));
        rd_kafka_poll(p, 20);
    }
}
static int gen(char** a) {
    rd_kafka_t* p = producer(a[0], "20", NULL);
    int64_t n = atoll(a[2]), t0 = atoll(a[5]), step = atoll(a[6]), s = now_us();
    uint64_t seed = strtoull(a[3], 0, 10);
    uint32_t users = (uint32_t)atoi(a[4]);
    char k[64], v[512];
    int kl;
    for (int64_t i = 0; i < n; i++) {
        int64_t ts = t0 + i * step / 1000;
        int vl = tx(seed, (uint64_t)i, users, ts, k, &kl, v);
        put(p, a[1], k, (size_t)kl, v, (size_t)vl, ts, RD_KAFKA_PARTITION_UA);
        if (!(i & 1023)) rd_kafka_poll(p, 0);
    }
    rd_kafka_flush(p, 120000);
    fprintf(stderr, "gen %" PRId64 " records in %.2f s, failed %" PRId64 "\n", n, (double)(now_us() - s) / 1e6, failed_);
    return failed_ != 0;
}
static int users_(char** a) {
    rd_kafka_t* p = producer(a[0], "20", NULL);
    uint32_t n = (uint32_t)atoi(a[2]);
    int64_t ts = atoll(a[3]);
    static const char *C[8] = {"US", "DE", "FR", "BR", "IN", "JP", "GB", "CA"}, *T[3] = {"gold", "silver", "bronze"};
    char k[64], v[256];
    for (uint32_t i = 0; i < n; i++) {
        uint64_t h = mix(i + 77);
        int kl = sprintf(k, "user_%06u", i),
            vl = sprintf(v, "{\"user_id\":\"%s\",\"name\":\"Name %08x\",\"country\":\"%s\",\"tier\":\"%s\"}", k, (uint32_t)h,
                         C[(h >> 32) & 7], T[(h >> 40) % 3]);
        put(p, a[1], k, (size_t)kl, v, (size_t)vl, ts, RD_KAFKA_PARTITION_UA);
        if (!(i & 1023)) rd_kafka_poll(p, 0);
    }
    rd_kafka_flush(p, 60000);
    return failed_ != 0;
}
static int load(
    char** a) {  // at every ms tick, the records due in that ms, all stamped with the tick they were due at, however late we are
    rd_kafka_t* p = producer(a[0], "0", NULL);
    int64_t rate = atoll(a[2]), secs = atoll(a[3]), sent = 0, late = 0;
    uint64_t seed = strtoull(a[4], 0, 10);
    uint32_t users = (uint32_t)atoi(a[5]);
    char k[64], v[512];
    int kl;
    int64_t t0 = now_us() / 1000 + 300;
    for (int64_t ms = 0; ms < secs * 1000 && !stop_; ms++) {
        int64_t due = (t0 + ms) * 1000, w = due - now_us();
        if (w > 0) {
            struct timespec d = {w / 1000000, (w % 1000000) * 1000};
            nanosleep(&d, 0);
        } else if (-w > late)
            late = -w;
        for (int64_t upto = (ms + 1) * rate / 1000; sent < upto; sent++) {
            int vl = tx(seed, (uint64_t)sent, users, t0 + ms, k, &kl, v);
            put(p, a[1], k, (size_t)kl, v, (size_t)vl, t0 + ms, RD_KAFKA_PARTITION_UA);
        }
        rd_kafka_poll(p, 0);
    }
    rd_kafka_flush(p, 60000);
    printf("{\"t0_ms\":%" PRId64 ",\"sent\":%" PRId64 ",\"max_late_us\":%" PRId64 ",\"failed\":%" PRId64 "}\n", t0, sent, late, failed_);
    return failed_ != 0;
}
static rd_kafka_t* reader(const char* boot, const char* topic, int64_t off, int* np) {
    const char* kv[] = {"bootstrap.servers",
                        boot,
                        "group.id",
                        "kbench-reader",
                        "isolation.level",
                        "read_committed",
                        "enable.auto.commit",
                        "false",
                        "fetch.wait.max.ms",
                        "5",
                        "enable.partition.eof",
                        "true",
                        "auto.offset.reset",
                        "error",
                        "fetch.queue.backoff.ms",
                        "1"};
    char e[512];
    rd_kafka_t* c = rd_kafka_new(RD_KAFKA_CONSUMER, conf(16, kv), e, sizeof e);
    if (!c) die("consumer", e);
    rd_kafka_poll_set_consumer(c);
    const struct rd_kafka_metadata* md;
    rd_kafka_topic_t* t = rd_kafka_topic_new(c, topic, NULL);
    rd_kafka_resp_err_t r = rd_kafka_metadata(c, 0, t, &md, 10000);
    if (r) die("metadata", rd_kafka_err2str(r));
    *np = md->topics[0].partition_cnt;
    rd_kafka_topic_partition_list_t* l = rd_kafka_topic_partition_list_new(*np);
    for (int i = 0; i < *np; i++) {
        int64_t lo, hi, o = off;
        if (off == RD_KAFKA_OFFSET_END) {
            r = rd_kafka_query_watermark_offsets(c, topic, i, &lo, &hi, 10000);
            if (r) die("watermark", rd_kafka_err2str(r));
            o = hi;
        }
        rd_kafka_topic_partition_list_add(l, topic, i)->offset = o;
    }
    r = rd_kafka_assign(c, l);
    if (r) die("assign", rd_kafka_err2str(r));
    return c;
}
static int lat(char** a) {
    int np;
    rd_kafka_t* c = reader(a[0], a[1], RD_KAFKA_OFFSET_END, &np);
    FILE* f = fopen(a[2], "wb");
    int64_t n = 0, base = 0;
    printf("ready\n");
    fflush(stdout);
    int64_t chk = 0;
    rd_kafka_queue_t* q = rd_kafka_queue_get_consumer(c);
    static rd_kafka_message_t* ms[10000];
    while (!stop_) {
        ssize_t g = rd_kafka_consume_batch_queue(q, 1, ms, 10000);
        int64_t now = now_us();
        for (ssize_t i = 0; i < g; i++) {
            rd_kafka_message_t* m = ms[i];
            if (!m->err) {
                rd_kafka_timestamp_type_t tt;
                int64_t ts = rd_kafka_message_timestamp(m, &tt);
                if (!base) base = ts;
                int64_t l = now - ts * 1000;
                uint32_t w[2] = {(uint32_t)(int32_t)(ts - base), l < 0 ? 0 : l > UINT32_MAX ? UINT32_MAX : (uint32_t)l};
                fwrite(w, 8, 1, f);
                n++;
            }
            rd_kafka_message_destroy(m);
        }
        if (now - chk > 100000) {
            chk = now;
            if (!access(a[3], F_OK)) break;
        }
    }
    fclose(f);
    printf("{\"n\":%" PRId64 ",\"base_ms\":%" PRId64 "}\n", n, base);
    return 0;
}
static int dump(char** a) {
    int np, eofs = 0;
    rd_kafka_t* c = reader(a[0], a[1], RD_KAFKA_OFFSET_BEGINNING, &np);
    static char buf[1 << 20];
    setvbuf(stdout, buf, _IOFBF, sizeof buf);
    while (eofs < np && !stop_) {
        rd_kafka_message_t* m = rd_kafka_consumer_poll(c, 1000);
        if (!m) continue;
        if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            eofs++;
        else if (!m->err) {
            rd_kafka_timestamp_type_t tt;
            fwrite(m->key, 1, m->key_len, stdout);
            printf("\t%" PRId64 "\t", rd_kafka_message_timestamp(m, &tt));
            fwrite(m->payload, 1, m->len, stdout);
            putchar('\n');
        }
        rd_kafka_message_destroy(m);
    }
    fflush(stdout);
    return 0;
}
static void copy_commit(rd_kafka_t* c, rd_kafka_t* p, rd_kafka_topic_partition_list_t* l, int eos) {
    if (eos) {
        rd_kafka_consumer_group_metadata_t* g = rd_kafka_consumer_group_metadata(c);
        rd_kafka_error_t* e = rd_kafka_send_offsets_to_transaction(p, l, g, 30000);
        if (e) die("send_offsets", rd_kafka_error_string(e));
        rd_kafka_consumer_group_metadata_destroy(g);
        e = rd_kafka_commit_transaction(p, 60000);
        if (e) die("commit", rd_kafka_error_string(e));
        e = rd_kafka_begin_transaction(p);
        if (e) die("begin", rd_kafka_error_string(e));
    } else {
        rd_kafka_flush(p, 60000);
        rd_kafka_resp_err_t r = rd_kafka_commit(c, l, 0);
        if (r) fprintf(stderr, "commit: %s\n", rd_kafka_err2str(r));
    }
}
static int copy(char** a) {
    int eos = !strcmp(a[4], "eos");
    int64_t every = atoll(a[5]) * 1000;
    char txid[128];
    snprintf(txid, sizeof txid, "%s-tx", a[3]);
    const char* lg = getenv("LINGER_MS");
    rd_kafka_t* p = producer(a[0], lg && *lg ? lg : "5", eos ? txid : NULL);
    const char* kv[] = {
        "bootstrap.servers",  a[0],    "group.id",          a[3],       "isolation.level",   eos ? "read_committed" : "read_uncommitted",
        "enable.auto.commit", "false", "auto.offset.reset", "earliest", "fetch.wait.max.ms", "100",
        "session.timeout.ms", "10000"};
    char e[512];
    rd_kafka_t* c = rd_kafka_new(RD_KAFKA_CONSUMER, conf(14, kv), e, sizeof e);
    if (!c) die("consumer", e);
    rd_kafka_poll_set_consumer(c);
    if (eos) {
        rd_kafka_error_t* x = rd_kafka_init_transactions(p, 60000);
        if (x) die("init_tx", rd_kafka_error_string(x));
        x = rd_kafka_begin_transaction(p);
        if (x) die("begin", rd_kafka_error_string(x));
    }
    rd_kafka_topic_partition_list_t *s = rd_kafka_topic_partition_list_new(1), *l = rd_kafka_topic_partition_list_new(8);
    rd_kafka_topic_partition_list_add(s, a[1], RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(c, s);
    rd_kafka_queue_t* q = rd_kafka_queue_get_consumer(c);
    static rd_kafka_message_t* ms[10000];
    int64_t last = now_us(), pend = 0, offs[64];
    for (int i = 0; i < 64; i++) offs[i] = -1;
    while (!stop_) {
        ssize_t g = rd_kafka_consume_batch_queue(q, 5, ms, 10000);
        for (ssize_t i = 0; i < g; i++) {
            rd_kafka_message_t* m = ms[i];
            if (!m->err) {
                rd_kafka_timestamp_type_t tt;
                put(p, a[2], m->key, m->key_len, m->payload, m->len, rd_kafka_message_timestamp(m, &tt), RD_KAFKA_PARTITION_UA);
                offs[m->partition] = m->offset + 1;
                pend++;
            }
            rd_kafka_message_destroy(m);
        }
        rd_kafka_poll(p, 0);
        int64_t now = now_us();
        if (now - last >= every) {
            if (pend) {
                l->cnt = 0;
                for (int i = 0; i < 64; i++)
                    if (offs[i] >= 0) rd_kafka_topic_partition_list_add(l, a[1], i)->offset = offs[i];
                copy_commit(c, p, l, eos);
                pend = 0;
            }
            last = now;
        }
    }
    if (pend) {
        l->cnt = 0;
        for (int i = 0; i < 64; i++)
            if (offs[i] >= 0) rd_kafka_topic_partition_list_add(l, a[1], i)->offset = offs[i];
        copy_commit(c, p, l, eos);
    }
    rd_kafka_consumer_close(c);
    return 0;
}
int main(int n, char** v) {
    signal(SIGTERM, on_term);
    signal(SIGINT, on_term);
    struct {
        const char* c;
        int n;
        int (*f)(char**);
    } T[] = {{"gen", 7, gen}, {"users", 4, users_}, {"load", 6, load}, {"lat", 4, lat}, {"dump", 2, dump}, {"copy", 6, copy}};
    for (unsigned i = 0; i < sizeof T / sizeof *T; i++)
        if (n == T[i].n + 2 && !strcmp(v[1], T[i].c)) return T[i].f(v + 2);
    fprintf(stderr, "see the head of kbench.c (librdkafka %s)\n", rd_kafka_version_str());
    return 2;
}
