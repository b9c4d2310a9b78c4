package peer;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetIdentifier;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacetProvider;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.KafkaSinkBuilder;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.KafkaSourceBuilder;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.co.KeyedCoProcessFunction;
import org.apache.flink.streaming.api.functions.windowing.WindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.triggers.Trigger;
import org.apache.flink.streaming.api.windowing.triggers.TriggerResult;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.clients.producer.ProducerRecord;

/** The Apache Flink peer: the topologies of SPEC.md on the DataStream API, chosen by env TOPOLOGY, in a local mini-cluster. */
public final class FlinkApp {
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

    /** What the chained operators hand on; with object reuse it is never serialized or copied. */
    public static final class In {
        public byte[] key, value;
        public Tx tx;
        public long ts;
    }
    public static final class Out {
        public byte[] key, value;
        public long ts;
        public Out() {}
        Out(byte[] k, byte[] v, long t) {
            key = k;
            value = v;
            ts = t;
        }
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

    static String env(String k, String d) {
        String v = System.getenv(k);
        return v == null || v.isEmpty() ? d : v;
    }
    static byte[] utf8(String s) { return s.getBytes(StandardCharsets.UTF_8); }
    static byte[] json(ObjectWriter w, Object o) {
        try {
            return w.writeValueAsBytes(o);
        } catch (IOException e) {
            throw new RuntimeException(e);
        }
    }

    /** Key bytes, record timestamp and, when asked for, the whole JSON document parsed into the typed transaction. */
    static final class Decode implements KafkaRecordDeserializationSchema<In> {
        final boolean parse;
        private transient ObjectReader r;
        Decode(boolean parse) { this.parse = parse; }
        @Override
        public void open(org.apache.flink.api.common.serialization.DeserializationSchema.InitializationContext c) {
            r = M.readerFor(Tx.class);
        }
        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> c, Collector<In> out) throws IOException {
            final In i = new In();
            i.key = c.key();
            i.ts = c.timestamp();
            if (parse)
                i.tx = r.readValue(c.value());
            else
                i.value = c.value();
            out.collect(i);
        }
        @Override
        public TypeInformation<In> getProducedType() {
            return TypeInformation.of(In.class);
        }
    }
    static final class Encode implements KafkaRecordSerializationSchema<Out>, KafkaDatasetFacetProvider {
        final String topic;
        Encode(String t) { topic = t; }
        @Override
        public Optional<KafkaDatasetFacet> getKafkaDatasetFacet() {
            return Optional.of(new DefaultKafkaDatasetFacet(DefaultKafkaDatasetIdentifier.ofTopics(List.of(topic)), new Properties()));
        }
        @Override
        public void open(SerializationSchema.InitializationContext c, KafkaSinkContext k) {}
        @Override
        public ProducerRecord<byte[], byte[]> serialize(Out o, KafkaSinkContext c, Long ts) {
            return new ProducerRecord<>(topic, null, o.ts, o.key, o.value);
        }
    }

    // ---- windows: count, cents and greatest timestamp per key and window; the changed windows are written every COMMIT_MS
    static final class Sum implements AggregateFunction<Tuple3<String, Long, Long>, Tuple3<Long, Long, Long>, Tuple3<Long, Long, Long>> {
        @Override
        public Tuple3<Long, Long, Long> createAccumulator() {
            return Tuple3.of(0L, 0L, 0L);
        }
        @Override
        public Tuple3<Long, Long, Long> add(Tuple3<String, Long, Long> v, Tuple3<Long, Long, Long> a) {
            a.f0++;
            a.f1 += v.f1;
            a.f2 = Math.max(a.f2, v.f2);
            return a;
        }
        @Override
        public Tuple3<Long, Long, Long> getResult(Tuple3<Long, Long, Long> a) {
            return a;
        }
        @Override
        public Tuple3<Long, Long, Long> merge(Tuple3<Long, Long, Long> a, Tuple3<Long, Long, Long> b) {
            return Tuple3.of(a.f0 + b.f0, a.f1 + b.f1, Math.max(a.f2, b.f2));
        }
    }
    static final class Emit implements WindowFunction<Tuple3<Long, Long, Long>, Out, String, TimeWindow> {
        final boolean category;
        private transient ObjectWriter w;
        Emit(boolean c) { category = c; }
        @Override
        public void apply(String k, TimeWindow win, Iterable<Tuple3<Long, Long, Long>> in, Collector<Out> out) {
            if (w == null)
                w = M.writerFor(category ? CatSales.class : ProdSales.class);
            final Tuple3<Long, Long, Long> a = in.iterator().next();
            out.collect(new Out(utf8(k + "@" + win.getStart()),
                json(w,
                    category ? new CatSales(k, win.getStart(), win.getEnd(), a.f0, a.f1)
                             : new ProdSales(k, win.getStart(), win.getEnd(), a.f0, a.f1)),
                a.f2));
        }
    }
    /**
     * Fires a window that changed at the next multiple of the interval (wall clock) and once more when it is closed for good. No state of
     * its own: the timer set removes doubles.
     */
    static final class Every extends Trigger<Object, TimeWindow> {
        final long ms;
        Every(long ms) { this.ms = ms; }
        @Override
        public TriggerResult onElement(Object e, long ts, TimeWindow w, TriggerContext c) {
            final long n = c.getCurrentProcessingTime();
            c.registerProcessingTimeTimer(n - n % ms + ms);
            return TriggerResult.CONTINUE;
        }
        @Override
        public TriggerResult onProcessingTime(long t, TimeWindow w, TriggerContext c) {
            return TriggerResult.FIRE;
        }
        @Override
        public TriggerResult onEventTime(long t, TimeWindow w, TriggerContext c) {
            return TriggerResult.FIRE;
        }
        @Override
        public void clear(TimeWindow w, TriggerContext c) {}
    }

    /**
     * Hopping windows from shared 10 s slices: one state update per record instead of six; value = count, cents, greatest timestamp,
     * changed since the last output.
     */
    static final class Slices extends KeyedProcessFunction<String, Tuple3<String, Long, Long>, Out> {
        static final long HOP = 10_000, SIZE = 60_000, GRACE = 60_000;
        final long ms;
        private transient MapState<Long, Tuple4<Long, Long, Long, Long>> s;
        private transient ObjectWriter w;
        Slices(long ms) { this.ms = ms; }
        @Override
        public void open(OpenContext c) {
            s = getRuntimeContext().getMapState(
                new MapStateDescriptor<>("slices", Types.LONG, Types.TUPLE(Types.LONG, Types.LONG, Types.LONG, Types.LONG)));
            w = M.writerFor(ProdSales.class);
        }
        @Override
        public void processElement(Tuple3<String, Long, Long> v, Context c, Collector<Out> out) throws Exception {
            final long b = v.f2 - v.f2 % HOP, end = b + SIZE + GRACE - 1; // end: the last window with this slice is closed
            if (end <= c.timerService().currentWatermark())
                return;
            Tuple4<Long, Long, Long, Long> a = s.get(b);
            if (a == null) {
                a = Tuple4.of(0L, 0L, 0L, 1L);
                c.timerService().registerEventTimeTimer(end);
            }
            a.f0++;
            a.f1 += v.f1;
            a.f2 = Math.max(a.f2, v.f2);
            a.f3 = 1L;
            s.put(b, a);
            final long n = c.timerService().currentProcessingTime();
            c.timerService().registerProcessingTimeTimer(n - n % ms + ms);
        }
        @Override
        public void onTimer(long t, OnTimerContext c, Collector<Out> out) throws Exception {
            final TreeMap<Long, Tuple4<Long, Long, Long, Long>> all = new TreeMap<>();
            final TreeSet<Long> windows = new TreeSet<>();
            for (Map.Entry<Long, Tuple4<Long, Long, Long, Long>> e : s.entries()) {
                all.put(e.getKey(), e.getValue());
                if (e.getValue().f3 != 0)
                    for (long x = e.getKey() - SIZE + HOP; x <= e.getKey(); x += HOP) windows.add(x);
            }
            final String k = c.getCurrentKey();
            for (long x : windows) {
                long n = 0, sum = 0, ts = 0;
                for (Tuple4<Long, Long, Long, Long> a : all.subMap(x, x + SIZE).values()) {
                    n += a.f0;
                    sum += a.f1;
                    ts = Math.max(ts, a.f2);
                }
                out.collect(new Out(utf8(k + "@" + x), json(w, new ProdSales(k, x, x + SIZE, n, sum)), ts));
            }
            final long wm = c.timerService().currentWatermark();
            for (Map.Entry<Long, Tuple4<Long, Long, Long, Long>> e : all.entrySet())
                if (e.getKey() + SIZE + GRACE - 1 <= wm)
                    s.remove(e.getKey());
                else if (e.getValue().f3 != 0) {
                    e.getValue().f3 = 0L;
                    s.put(e.getKey(), e.getValue());
                }
        }
    }

    static final class Totals extends KeyedProcessFunction<String, Tuple3<String, Long, Long>, Out> {
        private transient ValueState<Tuple3<Long, Long, Long>> s;
        private transient ObjectWriter w;
        @Override
        public void open(OpenContext c) {
            s = getRuntimeContext().getState(new ValueStateDescriptor<>("totals", Types.TUPLE(Types.LONG, Types.LONG, Types.LONG)));
            w = M.writerFor(UserTotal.class);
        }
        @Override
        public void processElement(Tuple3<String, Long, Long> v, Context c, Collector<Out> out) throws Exception {
            Tuple3<Long, Long, Long> a = s.value();
            if (a == null)
                a = Tuple3.of(0L, 0L, 0L);
            a.f0++;
            a.f1 += v.f1;
            a.f2 = Math.max(a.f2, v.f2);
            s.update(a);
            out.collect(new Out(utf8(v.f0), json(w, new UserTotal(v.f0, a.f0, a.f1, a.f2)), a.f2));
        }
    }
    /** Value = concatenation of [i64 ts][i64 cents] big endian, arrival order, entries with ts > now-60000 only. */
    static final class Velocity extends KeyedProcessFunction<String, Tuple4<String, String, Long, Long>, Out> {
        private transient ValueState<byte[]> s;
        private transient ObjectWriter w;
        @Override
        public void open(OpenContext c) {
            s = getRuntimeContext().getState(new ValueStateDescriptor<>("velocity", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
            w = M.writerFor(Alert.class);
        }
        @Override
        public void processElement(Tuple4<String, String, Long, Long> v, Context x, Collector<Out> out) throws Exception {
            final long ts = v.f3, cents = v.f2, floor = ts - 60_000;
            final byte[] old = s.value();
            final ByteBuffer o = ByteBuffer.wrap(old == null ? new byte[0] : old), n = ByteBuffer.allocate(o.capacity() + 16);
            long count = 1, sum = cents;
            while (o.hasRemaining()) {
                final long a = o.getLong(), c = o.getLong();
                if (a > floor) {
                    n.putLong(a).putLong(c);
                    count++;
                    sum += c;
                }
            }
            n.putLong(ts).putLong(cents);
            s.update(n.position() == n.capacity() ? n.array() : java.util.Arrays.copyOf(n.array(), n.position()));
            if (count >= 5 || cents > 90_000)
                out.collect(new Out(utf8(v.f0), json(w, new Alert(v.f1, v.f0, cents, count, sum, ts)), ts));
        }
    }
    /**
     * The user's record as state; a transaction that is read before its user waits in a list, so the table side is first whatever order
     * the two topics are read in.
     */
    static final class Enrich extends KeyedCoProcessFunction<String, Tuple4<String, String, Long, Long>, Tuple2<String, byte[]>, Out> {
        private transient ValueState<byte[]> user;
        private transient ListState<Tuple4<String, String, Long, Long>> wait;
        private transient ObjectReader r;
        private transient ObjectWriter w;
        @Override
        public void open(OpenContext c) {
            user = getRuntimeContext().getState(new ValueStateDescriptor<>("user", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
            wait = getRuntimeContext().getListState(
                new ListStateDescriptor<>("waiting", Types.TUPLE(Types.STRING, Types.STRING, Types.LONG, Types.LONG)));
            r = M.readerFor(User.class);
            w = M.writerFor(Enriched.class);
        }
        private Out join(Tuple4<String, String, Long, Long> t, User u) {
            return new Out(utf8(t.f0), json(w, new Enriched(t.f1, t.f0, t.f2, u.country, u.tier)), t.f3);
        }
        @Override
        public void processElement1(Tuple4<String, String, Long, Long> t, Context c, Collector<Out> out) throws Exception {
            final byte[] b = user.value();
            if (b == null)
                wait.add(t);
            else
                out.collect(join(t, r.readValue(b)));
        }
        @Override
        public void processElement2(Tuple2<String, byte[]> u, Context c, Collector<Out> out) throws Exception {
            user.update(u.f1);
            final User v = r.readValue(u.f1);
            boolean any = false;
            for (Tuple4<String, String, Long, Long> t : wait.get()) {
                out.collect(join(t, v));
                any = true;
            }
            if (any)
                wait.clear();
        }
    }

    /** The newest complete checkpoint or savepoint of an earlier run in the same state directory. */
    static Optional<Path> latest(Path root) throws IOException {
        if (!Files.isDirectory(root))
            return Optional.empty();
        try (Stream<Path> s = Files.walk(root, 4)) {
            return s.filter(p -> p.getFileName().toString().equals("_metadata"))
                .max(Comparator.comparingLong(p -> p.toFile().lastModified()))
                .map(Path::getParent);
        }
    }

    static KafkaSource<In> source(String boot, String group, String topic, boolean parse) {
        final KafkaSourceBuilder<In> b = KafkaSource.<In>builder()
                                             .setBootstrapServers(boot)
                                             .setGroupId(group)
                                             .setTopics(topic)
                                             .setStartingOffsets(OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST))
                                             .setDeserializer(new Decode(parse))
                                             .setProperty("commit.offsets.on.checkpoint", "true")
                                             .setProperty("max.poll.records", env("POLL", "2000"))
                                             .setProperty("max.partition.fetch.bytes", "1048576")
                                             .setProperty("fetch.min.bytes", env("FETCH_MIN", "1"));
        return b.build();
    }

    public static void main(String[] a) throws Exception {
        final String boot = env("BOOTSTRAP", "127.0.0.1:19092"), app = env("APP_ID", "flink-peer"), topo = env("TOPOLOGY", "passthrough"),
                     in = env("INPUT", "tx"), out = env("OUTPUT", "out");
        final boolean eos = env("GUARANTEE", "at_least_once").startsWith("exactly");
        final long every = Long.parseLong(env("COMMIT_MS", "1000"));
        final int par = Integer.parseInt(env("THREADS", "1"));
        final Path dir = new File(env("STATE_DIR", "flink-state")).getAbsoluteFile().toPath();
        Files.createDirectories(dir);

        final Configuration c = new Configuration();
        c.setString("parallelism.default", "" + par);
        c.setString("taskmanager.numberOfTaskSlots", "" + par);
        c.setString("pipeline.object-reuse", "true");
        c.setString("pipeline.generic-types", "true");
        c.setString("pipeline.auto-watermark-interval", "200 ms");
        c.setString("execution.buffer-timeout.interval", "100 ms");
        c.setString("taskmanager.memory.managed.size", env("MANAGED", "256m"));
        c.setString("taskmanager.memory.network.min", "64m");
        c.setString("taskmanager.memory.network.max", "64m");
        c.setString("state.backend.type", "rocksdb");
        c.setString("state.backend.rocksdb.localdir", dir.resolve("rocksdb").toString());
        c.setString("state.backend.rocksdb.timer-service.factory", "HEAP");
        c.setString("execution.checkpointing.interval", every + " ms");
        c.setString("execution.checkpointing.mode", eos ? "EXACTLY_ONCE" : "AT_LEAST_ONCE");
        c.setString("execution.checkpointing.incremental", "true");
        c.setString("execution.checkpointing.storage", "filesystem");
        c.setString("execution.checkpointing.dir", dir.resolve("checkpoints").toUri().toString());
        c.setString("execution.checkpointing.savepoint-dir", dir.resolve("savepoints").toUri().toString());
        c.setString("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
        c.setString("execution.checkpointing.min-pause", "0 ms");
        c.setString("execution.checkpointing.tolerable-failed-checkpoints", "10");
        c.setString("restart-strategy.type", "fixed-delay");
        c.setString("restart-strategy.fixed-delay.attempts", "10");
        c.setString("restart-strategy.fixed-delay.delay", "1 s");
        c.setString("io.tmp.dirs", dir.resolve("tmp").toString());
        Files.createDirectories(dir.resolve("tmp"));
        for (String kv : env("EXTRA", "").split(";"))
            if (kv.contains("="))
                c.setString(kv.substring(0, kv.indexOf('=')), kv.substring(kv.indexOf('=') + 1));
        latest(dir).ifPresent(p -> {
            c.setString("execution.state-recovery.path", p.toUri().toString());
            c.setString("execution.state-recovery.claim-mode", "CLAIM");
            System.out.println("RECOVER " + p);
        });

        final StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(par, c);
        final boolean parse = !topo.equals("passthrough");
        // One watermark generator per partition inside the source: the slowest partition holds the watermark back, so nothing is late.
        final SingleOutputStreamOperator<In> src =
            env.fromSource(source(boot, app, in, parse), WatermarkStrategy.<In>forMonotonousTimestamps(), "tx").uid("tx");
        final DataStream<Out> res;
        switch (topo) {
            case "passthrough":
                res = src.map(i -> new Out(i.key, i.value, i.ts)).returns(Out.class);
                break;
            case "stateless": {
                res = src.filter(i -> i.tx.cents() > 50_000)
                          .map(new org.apache.flink.api.common.functions.RichMapFunction<In, Out>() {
                              private transient ObjectWriter w;
                              @Override
                              public void open(OpenContext o) {
                                  w = M.writerFor(Projected.class);
                              }
                              @Override
                              public Out map(In i) {
                                  return new Out(i.key, json(w, new Projected(i.tx.transaction_id, i.tx.user_id, i.tx.cents())), i.ts);
                              }
                          })
                          .returns(Out.class);
                break;
            }
            case "category-sales":
            case "hopping": {
                final boolean cat = topo.equals("category-sales");
                if (!cat && env("HOP", "slices").equals("slices")) { // HOP=sliding: Flink's own sliding window operator
                    res = keyed(src.map(i -> Tuple3.of(i.tx.product_name, i.tx.cents(), i.ts))
                                    .returns(Types.TUPLE(Types.STRING, Types.LONG, Types.LONG)))
                              .process(new Slices(every), TypeInformation.of(Out.class))
                              .uid(topo);
                    break;
                }
                final WindowAssigner<Object, TimeWindow> wa = cat
                    ? TumblingEventTimeWindows.of(Duration.ofMinutes(1))
                    : SlidingEventTimeWindows.of(Duration.ofMinutes(1), Duration.ofSeconds(10));
                res =
                    keyed(src.map(i -> Tuple3.of(cat ? i.tx.product_category : i.tx.product_name, i.tx.cents(), i.ts))
                              .returns(Types.TUPLE(Types.STRING, Types.LONG, Types.LONG)))
                        .window(wa)
                        .allowedLateness(Duration.ofMinutes(1))
                        .trigger(new Every(every))
                        .aggregate(new Sum(), new Emit(cat), Types.TUPLE(Types.LONG, Types.LONG, Types.LONG), TypeInformation.of(Out.class))
                        .uid(topo);
                break;
            }
            case "user-totals":
                res = keyed(src.map(i -> Tuple3.of(new String(i.key, StandardCharsets.UTF_8), i.tx.cents(), i.tx.timestamp))
                                .returns(Types.TUPLE(Types.STRING, Types.LONG, Types.LONG)))
                          .process(new Totals(), TypeInformation.of(Out.class))
                          .uid(topo);
                break;
            case "fraud":
            case "enrich": {
                final SingleOutputStreamOperator<Tuple4<String, String, Long, Long>> t =
                    src.map(i -> Tuple4.of(new String(i.key, StandardCharsets.UTF_8), i.tx.transaction_id, i.tx.cents(), i.ts))
                        .returns(Types.TUPLE(Types.STRING, Types.STRING, Types.LONG, Types.LONG));
                if (topo.equals("fraud")) {
                    res = t.keyBy(v -> v.f0, Types.STRING).process(new Velocity(), TypeInformation.of(Out.class)).uid(topo);
                    break;
                }
                final KeyedStream<Tuple2<String, byte[]>, String> u =
                    env.fromSource(source(boot, app, env("USERS", "users"), false), WatermarkStrategy.noWatermarks(), "users")
                        .uid("users")
                        .map(i -> Tuple2.of(new String(i.key, StandardCharsets.UTF_8), i.value))
                        .returns(Types.TUPLE(Types.STRING, PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO))
                        .keyBy(v -> v.f0, Types.STRING);
                res = t.keyBy(v -> v.f0, Types.STRING).connect(u).process(new Enrich(), TypeInformation.of(Out.class)).uid(topo);
                break;
            }
            default:
                throw new IllegalArgumentException("TOPOLOGY " + topo);
        }
        final KafkaSinkBuilder<Out> sb = KafkaSink.<Out>builder()
                                             .setBootstrapServers(boot)
                                             .setRecordSerializer(new Encode(out))
                                             .setDeliveryGuarantee(eos ? DeliveryGuarantee.EXACTLY_ONCE : DeliveryGuarantee.AT_LEAST_ONCE)
                                             .setProperty("acks", "all")
                                             .setProperty("linger.ms", env("LINGER_MS", "100"))
                                             .setProperty("batch.size", env("BATCH_SIZE", "131072"))
                                             .setProperty("buffer.memory", "67108864")
                                             .setProperty("transaction.timeout.ms", "600000");
        if (eos)
            sb.setTransactionalIdPrefix(app).setTransactionNamingStrategy(TransactionNamingStrategy.POOLING);
        res.sinkTo(sb.build()).uid("sink").name("sink");

        final JobClient job = env.executeAsync(app);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            int rc = 0;
            try {
                job.stopWithSavepoint(false, dir.resolve("savepoints").toUri().toString(), SavepointFormatType.NATIVE)
                    .get(50, TimeUnit.SECONDS);
            } catch (Exception e) {
                e.printStackTrace();
                rc = 1;
            }
            System.out.flush();
            Runtime.getRuntime().halt(rc);
        }));
        job.getJobExecutionResult().get();
        Thread.sleep(60_000); // the shutdown hook ends the process
    }

    /** keyBy as usual; KEYED=chain keeps source, state and sink in one chain (right for parallelism 1 only). */
    static KeyedStream<Tuple3<String, Long, Long>, String> keyed(DataStream<Tuple3<String, Long, Long>> s) {
        return env("KEYED", "").equals("chain") ? DataStreamUtils.reinterpretAsKeyedStream(s, v -> v.f0, Types.STRING)
                                                : s.keyBy(v -> v.f0, Types.STRING);
    }
}
