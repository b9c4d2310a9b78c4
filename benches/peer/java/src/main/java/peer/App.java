package peer;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.processor.api.*;
import org.apache.kafka.streams.state.*;

/** The Java Kafka Streams peer: every topology of SPEC.md, chosen by env TOPOLOGY. */
public final class App {
    static final ObjectMapper M = new ObjectMapper();

    @JsonIgnoreProperties(ignoreUnknown = true)
    public static final class Tx {
        public String transaction_id, user_id, product_category, product_name, payment_method;
        public double amount;
        public long timestamp;
        long cents() { return Math.round(amount * 100.0); }
    }
    @JsonIgnoreProperties(ignoreUnknown = true)
    public static final class User {
        public String user_id, name, country, tier;
    }

    @JsonPropertyOrder({"transaction_id", "user_id", "amount_cents"})
    public record Projected(String transaction_id, String user_id, long amount_cents) {}
    @JsonPropertyOrder({"category", "window_start", "window_end", "count", "total_cents"})
    public record CatSales(String category, long window_start, long window_end, long count, long total_cents) {}
    @JsonPropertyOrder({"product", "window_start", "window_end", "count", "total_cents"})
    public record ProdSales(String product, long window_start, long window_end, long count, long total_cents) {}
    @JsonPropertyOrder({"user_id", "count", "sum_cents", "last_ts"})
    public record UserTotal(String user_id, long count, long sum_cents, long last_ts) {}
    @JsonPropertyOrder({"transaction_id", "user_id", "amount_cents", "count_60s", "sum_60s_cents", "ts"})
    public record Alert(String transaction_id, String user_id, long amount_cents, long count_60s, long sum_60s_cents, long ts) {}
    @JsonPropertyOrder({"transaction_id", "user_id", "amount_cents", "country", "tier"})
    public record Enriched(String transaction_id, String user_id, long amount_cents, String country, String tier) {}

    static <T> Serde<T> json(Class<T> c) {
        final ObjectReader r = M.readerFor(c);
        final ObjectWriter w = M.writerFor(c);
        return Serdes.serdeFrom(
            (t, v)
                -> {
                try {
                    return v == null ? null : w.writeValueAsBytes(v);
                } catch (Exception e) {
                    throw new RuntimeException(e);
                }
            },
            (t, b) -> {
                try {
                    return b == null ? null : r.readValue(b);
                } catch (Exception e) {
                    throw new RuntimeException(e);
                }
            });
    }
    /** count + total, 16 bytes big endian: the state format of the two windowed aggregations. */
    static final class Agg {
        final long n, c;
        Agg(long n, long c) {
            this.n = n;
            this.c = c;
        }
    }
    static final Serde<Agg> AGG =
        Serdes.serdeFrom((t, v) -> v == null ? null : ByteBuffer.allocate(16).putLong(v.n).putLong(v.c).array(), (t, b) -> {
            if (b == null)
                return null;
            ByteBuffer x = ByteBuffer.wrap(b);
            return new Agg(x.getLong(), x.getLong());
        });
    /** count, sum, last_ts, 24 bytes big endian: the state format of user-totals. */
    static final class UT {
        final long n, s, t;
        UT(long n, long s, long t) {
            this.n = n;
            this.s = s;
            this.t = t;
        }
    }
    static final Serde<UT> UTS =
        Serdes.serdeFrom((t, v) -> v == null ? null : ByteBuffer.allocate(24).putLong(v.n).putLong(v.s).putLong(v.t).array(), (t, b) -> {
            if (b == null)
                return null;
            ByteBuffer x = ByteBuffer.wrap(b);
            return new UT(x.getLong(), x.getLong(), x.getLong());
        });
    /** cents, 8 bytes: what category-sales and hopping send through the repartition topic. */
    static final Serde<Long> LONG = Serdes.Long();

    static String env(String k, String d) {
        String v = System.getenv(k);
        return v == null || v.isEmpty() ? d : v;
    }

    static Topology build(String name, String in, String out, Properties p) {
        final StreamsBuilder b = new StreamsBuilder();
        final Serde<String> S = Serdes.String();
        final Serde<Tx> TX = json(Tx.class);
        switch (name) {
            case "passthrough":
                b.stream(in, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                    .to(out, Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
                break;
            case "stateless":
                b.stream(in, Consumed.with(S, TX))
                    .filter((k, v) -> v.cents() > 50_000)
                    .mapValues(v -> new Projected(v.transaction_id, v.user_id, v.cents()))
                    .to(out, Produced.with(S, json(Projected.class)));
                break;
            case "category-sales":
                b.stream(in, Consumed.with(S, TX))
                    .map((k, v) -> KeyValue.pair(v.product_category, v.cents()))
                    .groupByKey(Grouped.with("by-category", S, LONG))
                    .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMinutes(1), Duration.ofMinutes(1)))
                    .aggregate(()
                                   -> new Agg(0, 0),
                        (k, v, a)
                            -> new Agg(a.n + 1, a.c + v),
                        Materialized.<String, Agg, WindowStore<Bytes, byte[]>>as("category-sales").withKeySerde(S).withValueSerde(AGG))
                    .toStream()
                    .map((w, a)
                             -> KeyValue.pair(
                                 w.key() + "@" + w.window().start(), new CatSales(w.key(), w.window().start(), w.window().end(), a.n, a.c)))
                    .to(out, Produced.with(S, json(CatSales.class)));
                break;
            case "hopping":
                b.stream(in, Consumed.with(S, TX))
                    .map((k, v) -> KeyValue.pair(v.product_name, v.cents()))
                    .groupByKey(Grouped.with("by-product", S, LONG))
                    .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMinutes(1), Duration.ofMinutes(1)).advanceBy(Duration.ofSeconds(10)))
                    .aggregate(()
                                   -> new Agg(0, 0),
                        (k, v, a)
                            -> new Agg(a.n + 1, a.c + v),
                        Materialized.<String, Agg, WindowStore<Bytes, byte[]>>as("hopping").withKeySerde(S).withValueSerde(AGG))
                    .toStream()
                    .map((w, a)
                             -> KeyValue.pair(w.key() + "@" + w.window().start(),
                                 new ProdSales(w.key(), w.window().start(), w.window().end(), a.n, a.c)))
                    .to(out, Produced.with(S, json(ProdSales.class)));
                break;
            case "user-totals":
                b.stream(in, Consumed.with(S, TX))
                    .groupByKey(Grouped.with(S, TX))
                    .aggregate(()
                                   -> new UT(0, 0, 0),
                        (k, v, a)
                            -> new UT(a.n + 1, a.s + v.cents(), Math.max(a.t, v.timestamp)),
                        Materialized.<String, UT, KeyValueStore<Bytes, byte[]>>as("user-totals").withKeySerde(S).withValueSerde(UTS))
                    .toStream()
                    .mapValues((k, a) -> new UserTotal(k, a.n, a.s, a.t))
                    .to(out, Produced.with(S, json(UserTotal.class)));
                break;
            case "fraud": {
                // Processor API store; honours the same cache switch as the DSL stores do.
                StoreBuilder<KeyValueStore<String, byte[]>> sb =
                    Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("velocity"), S, Serdes.ByteArray());
                if (Long.parseLong(env("CACHE_BYTES", "10485760")) > 0)
                    sb = sb.withCachingEnabled();
                b.addStateStore(sb);
                b.stream(in, Consumed.with(S, TX)).process(Velocity::new, "velocity").to(out, Produced.with(S, json(Alert.class)));
                break;
            }
            case "enrich": {
                KTable<String, User> users = b.table(env("USERS", "users"), Consumed.with(S, json(User.class)),
                    Materialized.<String, User, KeyValueStore<Bytes, byte[]>>as("users").withKeySerde(S).withValueSerde(json(User.class)));
                b.stream(in, Consumed.with(S, TX))
                    .join(users,
                        (t, u)
                            -> new Enriched(t.transaction_id, t.user_id, t.cents(), u.country, u.tier),
                        Joined.with(S, TX, json(User.class)))
                    .to(out, Produced.with(S, json(Enriched.class)));
                break;
            }
            default:
                throw new IllegalArgumentException("TOPOLOGY " + name);
        }
        return b.build(p);
    }

    /** Value = concatenation of [i64 ts][i64 cents] big endian, arrival order, entries with ts > now-60000 only. */
    static final class Velocity implements Processor<String, Tx, String, Alert> {
        private ProcessorContext<String, Alert> ctx;
        private KeyValueStore<String, byte[]> store;
        @Override
        public void init(ProcessorContext<String, Alert> c) {
            ctx = c;
            store = c.getStateStore("velocity");
        }
        @Override
        public void process(org.apache.kafka.streams.processor.api.Record<String, Tx> r) {
            final Tx t = r.value();
            final long ts = r.timestamp(), cents = t.cents(), floor = ts - 60_000;
            final byte[] old = store.get(r.key());
            final ByteBuffer o = ByteBuffer.wrap(old == null ? new byte[0] : old);
            final ByteBuffer n = ByteBuffer.allocate(o.capacity() + 16);
            long count = 1, sum = cents;
            while (o.hasRemaining()) {
                long a = o.getLong(), c = o.getLong();
                if (a > floor) {
                    n.putLong(a).putLong(c);
                    count++;
                    sum += c;
                }
            }
            n.putLong(ts).putLong(cents);
            store.put(r.key(), n.position() == n.capacity() ? n.array() : java.util.Arrays.copyOf(n.array(), n.position()));
            if (count >= 5 || cents > 90_000)
                ctx.forward(r.withValue(new Alert(t.transaction_id, t.user_id, cents, count, sum, ts)));
        }
    }

    public static void main(String[] a) throws Exception {
        final Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, env("APP_ID", "peer"));
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, env("BOOTSTRAP", "127.0.0.1:19092"));
        p.put(StreamsConfig.STATE_DIR_CONFIG, env("STATE_DIR", "/tmp/ks-peer"));
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, env("THREADS", "1"));
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, env("GUARANTEE", "at_least_once"));
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, env("RF", "1"));
        p.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        p.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        opt(p, "COMMIT_MS", StreamsConfig.COMMIT_INTERVAL_MS_CONFIG);
        opt(p, "CACHE_BYTES", StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG);
        opt(p, "LINGER_MS", StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG));
        opt(p, "BATCH_SIZE", StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG));
        opt(p, "SESSION_MS", StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG));
        opt(p, "STANDBY", StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG);
        opt(p, "GROUP_PROTOCOL", StreamsConfig.GROUP_PROTOCOL_CONFIG);
        final String extra = env("EXTRA", ""); // k=v;k=v
        for (String kv : extra.split(";"))
            if (kv.contains("="))
                p.put(kv.substring(0, kv.indexOf('=')), kv.substring(kv.indexOf('=') + 1));
        final Topology t = build(env("TOPOLOGY", "passthrough"), env("INPUT", "tx"), env("OUTPUT", "out"), p);
        if ("1".equals(env("DESCRIBE", "0"))) {
            System.out.println(t.describe());
            return;
        }
        final KafkaStreams ks = new KafkaStreams(t, p);
        final CountDownLatch done = new CountDownLatch(1);
        final long t0 = System.currentTimeMillis();
        ks.setStateListener((n, o) -> {
            System.out.println("STATE " + n + " " + System.currentTimeMillis() + " +" + (System.currentTimeMillis() - t0));
            System.out.flush();
        });
        ks.setGlobalStateRestoreListener(new StateRestoreListener() {
            public void onRestoreStart(TopicPartition tp, String s, long a1, long b1) {
                System.out.println("RESTORE_START " + tp + " " + a1 + ".." + b1 + " " + System.currentTimeMillis());
            }
            public void onBatchRestored(TopicPartition tp, String s, long e, long n) {}
            public void onRestoreEnd(TopicPartition tp, String s, long n) {
                System.out.println("RESTORE_END " + tp + " " + n + " " + System.currentTimeMillis());
            }
        });
        ks.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            return StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            ks.close(Duration.ofSeconds(60));
            done.countDown();
        }));
        ks.start();
        done.await();
    }
    private static void opt(Properties p, String env, String key) {
        String v = System.getenv(env);
        if (v != null && !v.isEmpty())
            p.put(key, v);
    }
}
