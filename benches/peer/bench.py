#!/usr/bin/env python3
"""Neutral benchmark of stream processors against one Kafka broker. See SPEC.md; `bench.py -h`.

Nothing here needs the app's cooperation: progress is the group's committed offsets, output is what a consumer sees,
cost is /proc of the app's process tree. Results are appended to results.jsonl."""

import argparse, collections, glob, hashlib, json, os, re, shutil, signal, statistics, struct, subprocess, sys, time
from confluent_kafka import Consumer, Producer, TopicPartition, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

HERE = os.path.dirname(os.path.abspath(__file__))
KB = os.path.join(HERE, "tools/kbench")
BOOT = os.environ.get("BOOTSTRAP", "127.0.0.1:19092")
PARTS = 4
USERS = 100_000
T0 = 1_700_000_040_000
KAFKA_DIR = os.environ.get("KAFKA_DIR", os.path.join(HERE, "kafka/data"))
TCK = os.sysconf("SC_CLK_TCK")
TABLE = {"category-sales", "user-totals", "hopping"}  # outputs that are tables: last value per key counts
WORK = os.environ.get("BENCH_WORK", os.path.join(HERE, "work"))
RESULTS = os.environ.get("RESULTS", os.path.join(HERE, "results.jsonl"))
APPS = json.load(open(os.path.join(HERE, "apps.json")))
admin = AdminClient({"bootstrap.servers": BOOT})


def log(*a):
    print(time.strftime("%H:%M:%S"), *a, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- topics
def topics():
    return set(admin.list_topics(timeout=20).topics)


def create(name, parts=PARTS, **cfg):
    """A topic that keeps what it gets: event times are years old, and a broker that looks often would delete them in the midst of a run."""
    cfg = {"retention.ms": "-1", **cfg}
    for f in admin.create_topics([NewTopic(name, parts, 1, config=cfg)]).values():
        f.result(30)
    c = Consumer(
        {"bootstrap.servers": BOOT, "group.id": "x", "enable.auto.commit": False}
    )  # until every partition has a leader that answers
    for _ in range(200):
        try:
            if name in topics() and all(c.get_watermark_offsets(TopicPartition(name, p), timeout=5, cached=False) for p in range(parts)):
                break
        except KafkaException:
            pass
        time.sleep(0.05)
    c.close()


def delete(names):
    names = [n for n in names]
    if names:
        for f in admin.delete_topics(names, operation_timeout=20).values():
            try:
                f.result(30)
            except KafkaException as e:
                log("delete", e)
        for _ in range(100):
            if not (topics() & set(names)):
                return
            time.sleep(0.05)


def preload(topo_n, seed=1):
    """tx-<n>-<seed>: n transactions, 100k users, event time 0.2 ms apart (5000 tx per second of event time)."""
    name = f"tx-{topo_n}-{seed}"
    have = topics()
    if name not in have:
        create(name)
        subprocess.run([KB, "gen", BOOT, name, str(topo_n), str(seed), str(USERS), str(T0), "200"], check=True)
    if "users" not in have:
        create("users")
        subprocess.run([KB, "users", BOOT, "users", str(USERS), str(T0 - 1000)], check=True)
    return name


# ---------------------------------------------------------------- the app under test
def tree(pid):
    out, todo = [], [pid]
    while todo:
        p = todo.pop()
        out.append(p)
        for f in glob.glob(f"/proc/{p}/task/*/children"):
            try:
                todo += [int(x) for x in open(f).read().split()]
            except OSError:
                pass
    return out


def cpu(pid):
    s = 0
    for p in tree(pid):
        try:
            f = open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()
            s += sum(int(x) for x in f[11:15])
        except OSError:
            pass
    return s / TCK


def hwm(pid):
    s = 0
    for p in tree(pid):
        try:
            s += int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{p}/status").read())[1])
        except (OSError, TypeError):
            pass
    return s / 1024


def busy():
    f = [int(x) for x in open("/proc/stat").readline().split()[1:9]]
    return (sum(f) - f[3] - f[4]) / TCK


def broker_cpu():
    s = 0
    for f in glob.glob(KAFKA_DIR + "/*/pid"):
        try:
            s += cpu(int(open(f).read()))
        except (OSError, ValueError):
            pass
    return s


def du(path):
    s = 0
    for d, _, fs in os.walk(path):
        for f in fs:
            try:
                s += os.stat(os.path.join(d, f)).st_blocks * 512
            except OSError:
                pass
    return s


class App:
    def __init__(self, name, topo, inp, out, guarantee, opts, app_id=None, state=None):
        spec = APPS[name]
        self.id = app_id or f"b-{name}-{topo}-{int(time.time()*1000) % 10**9}"
        self.state = state or os.path.join(WORK, "state", self.id)
        os.makedirs(self.state, exist_ok=True)
        v = dict(
            BOOTSTRAP=BOOT,
            APP_ID=self.id,
            TOPOLOGY=topo,
            INPUT=inp,
            OUTPUT=out,
            USERS="users",
            GUARANTEE=guarantee,
            ALO_EOS="eos" if guarantee.startswith("exactly") else "alo",
            THREADS="1",
            STATE_DIR=self.state,
            COMMIT_MS="100" if guarantee.startswith("exactly") else "1000",
            CACHE_BYTES="10485760",
            LINGER_MS="",
            SESSION_MS="10000",
        )
        v.update({k: str(x) for k, x in opts.items()})
        self.vars = v
        ex = lambda s: re.sub(r"\{([A-Z_]+)\}", lambda m: v.get(m[1], m[0]), s)
        env = dict(os.environ, **v)
        env.update({k: ex(x) for k, x in spec.get("env", {}).items()})
        self.reads_ahead = spec.get("progress") == "read"
        self.group = ex(spec.get("group", "{APP_ID}"))
        os.makedirs(os.path.join(WORK, "logs"), exist_ok=True)
        self.logf = os.path.join(WORK, "logs", self.id + ".log")
        self.t0 = time.time()
        self.p = subprocess.Popen([ex(c) for c in spec["cmd"]], cwd=HERE, env=env, stdout=open(self.logf, "ab"), stderr=subprocess.STDOUT)

    def alive(self):
        return self.p.poll() is None

    def need(self):
        if not self.alive():
            raise SystemExit(f"{self.id} exited {self.p.returncode}:\n" + open(self.logf).read()[-3000:])

    def stop(self, timeout=60):
        if self.alive():
            self.p.send_signal(signal.SIGTERM)
        try:
            self.p.wait(timeout)
        except subprocess.TimeoutExpired:
            log("SIGKILL", self.id)
            self.p.kill()
            self.p.wait()

    def kill9(self):
        for p in tree(self.p.pid)[::-1]:
            try:
                os.kill(p, signal.SIGKILL)
            except OSError:
                pass
        self.p.wait()

    def cleanup(self, *extra):
        shutil.rmtree(self.state, ignore_errors=True)
        delete([t for t in topics() if self.id in t or t in extra])
        try:
            for f in admin.delete_consumer_groups([self.group]).values():
                f.result(10)
        except Exception:
            pass


class Progress:
    """Committed offsets of the group on the input and on the app's own repartition topics, by an outside client."""

    def __init__(self, app, inp, out):
        self.c = Consumer(
            {"bootstrap.servers": BOOT, "group.id": app.group, "enable.auto.commit": False, "isolation.level": "read_uncommitted"}
        )
        self.inp, self.out, self.app = inp, out, app
        self.rep = []
        self.t_rep = 0

    def ends(self, t):
        return sum(self.c.get_watermark_offsets(TopicPartition(t, p), timeout=10, cached=False)[1] for p in range(PARTS))

    def scan(self):
        if time.time() - self.t_rep > 2:
            self.t_rep = time.time()
            md = self.c.list_topics(timeout=10).topics
            self.rep = [(t, len(m.partitions)) for t, m in md.items() if self.app.id in t and "repartition" in t]
        return self.rep

    def committed(self):
        tps = [TopicPartition(self.inp, p) for p in range(PARTS)] + [TopicPartition(t, p) for t, n in self.scan() for p in range(n)]
        try:
            r = self.c.committed(tps, timeout=10)
        except KafkaException:
            return None
        a = sum(max(0, x.offset) for x in r if x.topic == self.inp)
        b = sum(max(0, x.offset) for x in r if x.topic != self.inp)
        return a, b


def run_to_end(app, inp, out, n, max_s=900, poll=0.05, settle=2.5):
    """Samples (t, input committed, repartition committed, cpu) until the input is done and nothing moves any more."""
    pr = Progress(app, inp, out)
    S = []
    first = None
    last_change = time.time()
    done_in = None
    tlog = time.time()
    out_end = -1
    while True:
        app.need()
        t = time.time()
        c = pr.committed()
        k = cpu(app.p.pid)
        if first is None and pr.ends(out) > 0:
            first = time.time() - app.t0
        if c is not None and (not S or c != S[-1][1:3]):
            S.append((t, c[0], c[1], k))
            last_change = t
        if app.reads_ahead and c and c[0] >= n and pr.ends(out) != out_end:
            out_end = pr.ends(out)
            S.append((t, c[0], c[1], k))
            last_change = t  # offsets only say what was read: go on until the output stands still
        if t - tlog > 20:
            tlog = t
            log(f"  {c} of {n}, cpu {k:.1f}")
        if c and c[0] >= n and t - last_change > settle:
            break
        if t - app.t0 > max_s:
            log("TIMEOUT")
            break
        if t - last_change > 240:
            log("STALLED", c)
            break
        time.sleep(poll)
    if pr.rep:
        hw = sum(pr.c.get_watermark_offsets(TopicPartition(t, p), timeout=10, cached=False)[1] for t, k in pr.rep for p in range(k))
        if hw - S[-1][2] > 4000:
            log("WARNING repartition not drained", hw, S[-1])
    pr.c.close()
    return S, first


def steady(S, n, frm=0.4):
    rp = S[-1][2]
    P = [(t, (a + b) / (2 if rp else 1), k) for t, a, b, k in S]
    tot = P[-1][1]
    lo = next(x for x in P if x[1] >= frm * tot)
    hi = [x for x in P if x[1] < tot * 0.995]
    hi = hi[-1] if hi and hi[-1][1] > lo[1] else P[-1]
    at100 = next((x for x in P if x[1] >= 100_000), P[-1])
    prev = [x for x in P if x[1] < 100_000]
    t100 = at100[0]
    if prev and at100[1] > prev[-1][1] and at100[0] - prev[-1][0] < 3:
        t100 = prev[-1][0] + (at100[0] - prev[-1][0]) * (100_000 - prev[-1][1]) / (at100[1] - prev[-1][1])
    if hi[1] <= lo[1] or hi[0] <= lo[0]:
        return None, None, t100, at100[2]
    return (hi[1] - lo[1]) / (hi[0] - lo[0]), (hi[2] - lo[2]) / (hi[1] - lo[1]) * 1e6, t100, at100[2]


def emit(r):
    r["at"] = time.strftime("%Y-%m-%dT%H:%M:%S")
    open(RESULTS, "a").write(json.dumps(r) + "\n")
    print(json.dumps(r), flush=True)


def base(app, a, g):
    return dict(
        app=a,
        topology=app.vars["TOPOLOGY"],
        guarantee="eos" if g.startswith("exactly") else "alos",
        threads=int(app.vars["THREADS"]),
        commit_ms=int(app.vars["COMMIT_MS"]),
        cache=int(app.vars["CACHE_BYTES"]),
        linger=app.vars["LINGER_MS"],
    )


# ---------------------------------------------------------------- scenarios
def throughput(a, topo, g, n, opts, keep=False, seed=1):
    inp = preload(n, seed)
    out = f"o-{int(time.time()*1000) % 10**9}"
    create(out)
    b0, k0, h0 = busy(), broker_cpu(), time.process_time()
    app = App(a, topo, inp, out, g, opts)
    log("throughput", app.id, g)
    try:
        S, first = run_to_end(app, inp, out, n)
        pid = app.p.pid
        t_end = S[-1][0]
        k_end = S[-1][3]
        wall = time.time() - app.t0
        rps, cpm, t100, k100 = steady(S, n)
        others = (busy() - b0 - (broker_cpu() - k0) - cpu(pid) - (time.process_time() - h0)) / wall
        bk = broker_cpu() - k0
        rss, st = hwm(pid), du(app.state)
        app.stop()
        pr = Progress(app, inp, out)
        outs = pr.ends(out)
        pr.c.close()
        chg = sum(du(d) for d in glob.glob(f"{KAFKA_DIR}/*1/log/*{app.id}*") if "changelog" in d or "-table-" in d)
        r = dict(
            kind="throughput",
            **base(app, a, g),
            n=n,
            rps_steady=round(rps) if rps else None,
            rps_total=round(n / (t_end - app.t0)),
            seconds=round(t_end - app.t0, 2),
            first_output_s=round(first, 2) if first else None,
            first_100k_s=round(t100 - app.t0, 2),
            first_100k_cpu_s=round(k100, 2),
            cpu_s_per_m=round(k_end / n * 1e6, 2),
            cpu_s_per_m_steady=round(cpm, 2) if cpm else None,
            broker_cpu_s_per_m=round(bk / n * 1e6, 2),
            rss_mb=round(rss),
            state_mb=round(st / 1e6, 1),
            changelog_mb=round(chg / 1e6, 1),
            out_offsets=outs,
            other_cores=round(others, 2),
        )
        if not keep:
            emit(r)
        if keep:
            return app, out
        return r
    finally:
        if not keep:
            app.stop() if app.alive() else None
            app.cleanup(out)


def urgent(p):
    """The generator and the sink are cheap; where the user may, they go first, so that their own lateness is not in the figures."""
    try:
        os.setpriority(os.PRIO_PROCESS, p.pid, -10)
    except OSError:
        pass
    return p


def quiet(max_s=60, cores=0.3):
    """Wait (not for ever) for a second in which the machine's other jobs leave it mostly alone."""
    t = time.time()
    while time.time() - t < max_s:
        b, w = busy(), time.time()
        time.sleep(1.5)
        if (busy() - b) / (time.time() - w) < cores:
            return


def latency(a, topo, g, rate, secs, opts, warm=15):
    quiet()
    from hdrh.histogram import HdrHistogram

    i = int(time.time() * 1000) % 10**9
    inp, out = f"lat-in-{i}", f"lat-out-{i}"
    create(inp)
    create(out)
    if topo == "enrich":
        preload(200_000)
    b0, k0, h0 = busy(), broker_cpu(), time.process_time()
    app = App(a, topo, inp, out, g, opts)
    log("latency", app.id, g, rate)
    raw, stopf = os.path.join(WORK, f"lat-{i}.bin"), os.path.join(WORK, f"lat-{i}.stop")
    try:
        sink = urgent(subprocess.Popen([KB, "lat", BOOT, out, raw, stopf], stdout=subprocess.PIPE, text=True))
        sink.stdout.readline()
        time.sleep(4)
        app.need()
        c1 = cpu(app.p.pid)
        ld = urgent(
            subprocess.Popen([KB, "load", BOOT, inp, str(rate), str(warm + secs), "9", str(USERS)], stdout=subprocess.PIPE, text=True)
        )
        time.sleep(warm)
        c2, w2 = cpu(app.p.pid), time.time()
        b1, k1 = busy(), broker_cpu()
        L = json.loads(ld.communicate()[0])
        c3, w3 = cpu(app.p.pid), time.time()
        app.need()
        others = (busy() - b1 - (broker_cpu() - k1) - (c3 - c2)) / (w3 - w2)
        time.sleep(max(3, int(app.vars["COMMIT_MS"]) / 1000 + 1.5))
        open(stopf, "w").close()
        J = json.loads(sink.communicate(timeout=30)[0].strip().splitlines()[-1])
        b = open(raw, "rb").read()
        cut = L["t0_ms"] + warm * 1000 - J["base_ms"]
        end = L["t0_ms"] + (warm + secs) * 1000 - J["base_ms"]
        cnt = collections.Counter()
        for rel, us in struct.iter_unpack("<iI", b):
            if cut <= rel < end:
                cnt[us] += 1
        h = HdrHistogram(1, 120_000_000, 3)
        for us, c in cnt.items():
            h.record_value(max(1, us), c)
        q = lambda p: round(h.get_value_at_percentile(p) / 1000, 2)
        emit(
            dict(
                kind="latency",
                **base(app, a, g),
                rate=rate,
                secs=secs,
                n=sum(cnt.values()),
                sent=L["sent"],
                received=J["n"],
                p50=q(50),
                p90=q(90),
                p99=q(99),
                p999=q(99.9),
                max=round(max(cnt or [0]) / 1000, 2),
                gen_late_ms=round(L["max_late_us"] / 1000, 2),
                cpu_s_per_m=round((c3 - c2) / (rate * (w3 - w2)) * 1e6, 2),
                cpu_cores=round((c3 - c2) / (w3 - w2), 3),
                rss_mb=round(hwm(app.p.pid)),
                other_cores=round(others, 2),
                hdr=h.encode().decode(),
            )
        )
    finally:
        open(stopf, "w").close()
        app.stop()
        app.cleanup(inp, out)
        for f in (raw, stopf):
            if os.path.exists(f):
                os.remove(f)


def group_empty(group, max_s=90):
    t = time.time()
    while time.time() - t < max_s:
        d = list(admin.describe_consumer_groups([group]).values())[0]
        try:
            if not d.result(10).members:
                return time.time() - t
        except Exception as e:
            time.sleep(15)
            return time.time() - t
        time.sleep(0.25)


def restore(a, g, n, opts, topo="user-totals"):
    o = dict(CACHE_BYTES=0)
    o.update(opts)
    inp0 = preload(n, 2)
    i = int(time.time() * 1000) % 10**9
    inp, out = inp0, f"o-{i}"
    create(out)
    app = App(a, topo, inp, out, g, o)
    log("restore: filling", app.id)
    try:
        run_to_end(app, inp, out, n)
        time.sleep(1)
        st = du(app.state)
        app.kill9()
        w = group_empty(app.group)
        shutil.rmtree(app.state)
        pr = Progress(app, inp, out)
        md = topics()
        ch = [t for t in md if app.id in t and "changelog" in t] or [t for t in md if app.id in t and "table" in t]
        recs = 0
        for t in ch:
            for p in range(PARTS):
                lo, hi = pr.c.get_watermark_offsets(TopicPartition(t, p), timeout=10, cached=False)
                recs += hi - lo
        c = Consumer(
            {
                "bootstrap.servers": BOOT,
                "group.id": "probe",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 10,
            }
        )
        c.assign(
            [TopicPartition(out, p, pr.c.get_watermark_offsets(TopicPartition(out, p), timeout=10, cached=False)[1]) for p in range(PARTS)]
        )
        c.poll(0.5)
        P = Producer({"bootstrap.servers": BOOT, "linger.ms": 0})
        uid = "probe_%d" % i
        for p in range(PARTS):
            P.produce(
                inp,
                partition=p,
                key=uid + str(p),
                timestamp=T0 + 10**7,
                value=json.dumps(
                    dict(
                        transaction_id=uid,
                        user_id=uid + str(p),
                        product_category="Home",
                        product_name="Home Item 01",
                        amount=11.11,
                        timestamp=T0 + 10**7,
                        payment_method="paypal",
                    )
                ),
            )
        P.flush(20)
        b0, k0 = busy(), broker_cpu()
        logpos = os.path.getsize(app.logf)
        app2 = App(a, topo, inp, out, g, o, app_id=app.id)
        seen = set()
        log("restore: restarted, changelog", recs, "group empty after", w)
        while len(seen) < PARTS and time.time() - app2.t0 < 300:
            app2.need()
            m = c.poll(0.05)
            if m is not None and not m.error() and m.key().decode().startswith(uid):
                seen.add(m.key())
        t = time.time() - app2.t0
        k = cpu(app2.p.pid)
        ob = (busy() - b0 - (broker_cpu() - k0) - k) / t
        L = open(app2.logf).read()[logpos:]
        run = re.findall(r"^STATE RUNNING (\d+)", L, re.M)
        rs = [int(x) for x in re.findall(r"^RESTORE_START.* (\d+)$", L, re.M)]
        re_ = [int(x) for x in re.findall(r"^RESTORE_END.* (\d+)$", L, re.M)]
        emit(
            dict(
                kind="restore",
                **base(app2, a, g),
                n=n,
                ok=len(seen) == PARTS,
                changelog_records=recs,
                to_first_output_s=round(t, 2),
                to_running_s=round(int(run[-1]) / 1000 - app2.t0, 2) if run else None,
                restore_phase_s=round((max(re_) - min(rs)) / 1000, 2) if rs and re_ else None,
                restored_per_s=round(recs / t),
                restored_per_s_phase=round(recs / max(0.001, (max(re_) - min(rs)) / 1000)) if rs and re_ else None,
                cpu_s=round(k, 2),
                cpu_s_per_m=round(k / recs * 1e6, 2) if recs else None,
                rss_mb=round(hwm(app2.p.pid)),
                state_mb=round(st / 1e6, 1),
                other_cores=round(ob, 2),
                group_empty_s=round(w or -1, 1),
            )
        )
        app2.stop()
        c.close()
        pr.c.close()
    finally:
        if app.alive():
            app.kill9()
        # the four probes stay in the input: next runs must not see them
        app.cleanup(out, inp)


def canon(v):
    try:
        return json.dumps(json.loads(v), sort_keys=True, separators=(",", ":"))
    except Exception:
        return v


def dump(topic):
    p = subprocess.Popen([KB, "dump", BOOT, topic], stdout=subprocess.PIPE, text=True)
    for line in p.stdout:
        k, ts, v = line.rstrip("\n").split("\t", 2)
        yield k, int(ts), v
    p.wait()


def final(topo, rows):
    if topo in TABLE:
        return {k: canon(v) for k, _, v in rows}
    return collections.Counter((k, v if topo == "passthrough" else canon(v)) for k, _, v in rows)


def digest(f):
    h = hashlib.sha256()
    for k, v in sorted(f.items()):
        h.update(f"{k}\t{v}\n".encode())
    return h.hexdigest()


def verify(a, b, topo, n, g, opts, seed):
    res = {}
    for x in (a, b):
        inp = preload(n, seed)
        if x == "oracle":
            import oracle

            res[x] = final(topo, oracle.run(topo, dump(inp), dump("users")))
            continue
        app, out = throughput(x, topo, g, n, opts, keep=True, seed=seed)
        res[x] = final(topo, dump(out))
        app.cleanup(out)
    A, B = res[a], res[b]
    bad = [k for k in set(A) | set(B) if A.get(k) != B.get(k)]
    # Two that have nothing to say agree in nothing.
    equal = bool(A) and not bad
    emit(
        dict(
            kind="verify",
            topology=topo,
            guarantee=g,
            n=n,
            seed=seed,
            a=a,
            b=b,
            keys_a=len(A),
            keys_b=len(B),
            equal=equal,
            different=len(bad),
            sha256=digest(A),
        )
    )
    for k in bad[:5]:
        log("  DIFF", k, A.get(k), B.get(k))
    return equal


def table(path):
    R = [json.loads(l) for l in open(path)]
    med = lambda xs: statistics.median(xs)

    def rng(xs, f="{:.0f}"):
        xs = [x for x in xs if x is not None]
        return "-" if not xs else f.format(med(xs)) if len(xs) == 1 else f"{f.format(med(xs))} ({f.format(min(xs))}-{f.format(max(xs))})"

    G = collections.OrderedDict()
    for r in R:
        G.setdefault(
            (
                r["kind"],
                r.get("app"),
                r.get("topology"),
                r.get("guarantee"),
                r.get("threads"),
                r.get("commit_ms"),
                r.get("cache"),
                r.get("linger"),
                r.get("rate"),
                r.get("n") if r["kind"] != "latency" else None,
            ),
            [],
        ).append(r)
    s = (
        "### Headline: the runs repeated (1 thread, cache 10 MB)\n\n|app|topology|g|runs|CPU-s/M steady, median (min-max)|CPU-s/M whole run|rec/s steady, quietest run|rec/s whole, quietest run|launch to first output s|first 100k s|its CPU-s|RSS MB|\n|"
        + "-|" * 12
        + "\n"
    )
    for k, v in sorted(G.items(), key=lambda kv: str(kv[0][2:4]) + str(kv[0])):
        if k[0] == "throughput" and len(v) > 1:
            b = min(v, key=lambda x: x["other_cores"])
            s += f"|{k[1]}|{k[2]}|{k[3]}|{len(v)}|{rng([x['cpu_s_per_m_steady'] for x in v],'{:.1f}')}|{rng([x['cpu_s_per_m'] for x in v],'{:.1f}')}|{b['rps_steady'] or 0:,}|{b['rps_total']:,}|{b['first_output_s']}|{b['first_100k_s']}|{b['first_100k_cpu_s']}|{b['rss_mb']}|\n"
    s += (
        "\n### Throughput: median (min-max)\n\n|app|topology|g|thr|commit ms|cache|N|runs|rec/s steady|rec/s whole run|CPU-s/M whole|CPU-s/M steady|broker CPU-s/M|first output s|first 100k s|RSS MB|state MB|other jobs, cores|\n|"
        + "-|" * 18
        + "\n"
    )
    for k, v in sorted(G.items(), key=lambda kv: str(kv[0][2:4]) + str(kv[0])):
        if k[0] == "throughput":
            s += f"|{k[1]}|{k[2]}|{k[3]}|{k[4]}|{k[5]}|{k[6]}|{k[9]}|{len(v)}|{rng([x['rps_steady'] for x in v])}|{rng([x['rps_total'] for x in v])}|{rng([x['cpu_s_per_m'] for x in v],'{:.1f}')}|{rng([x['cpu_s_per_m_steady'] for x in v],'{:.1f}')}|{rng([x['broker_cpu_s_per_m'] for x in v],'{:.1f}')}|{rng([x['first_output_s'] for x in v],'{:.1f}')}|{rng([x['first_100k_s'] for x in v],'{:.1f}')}|{rng([x['rss_mb'] for x in v])}|{rng([x['state_mb'] for x in v],'{:.1f}')}|{rng([x['other_cores'] for x in v],'{:.2f}')}|\n"
    s += (
        "\n### Latency, ms\n\n|app|topology|g|rate/s|commit ms|cache|linger|runs|p50|p99|p99.9|max|CPU cores|received/sent|other jobs, cores|\n|"
        + "-|" * 15
        + "\n"
    )
    for k, v in sorted(G.items(), key=lambda kv: str(kv[0][2:4]) + str(kv[0][1]) + str(kv[0][7]) + "%09d" % (kv[0][8] or 0)):
        if k[0] == "latency":
            s += f"|{k[1]}|{k[2]}|{k[3]}|{k[8]}|{k[5]}|{k[6]}|{k[7] or 'default'}|{len(v)}|{rng([x['p50'] for x in v],'{:.1f}')}|{rng([x['p99'] for x in v],'{:.1f}')}|{rng([x['p999'] for x in v],'{:.1f}')}|{rng([x['max'] for x in v],'{:.1f}')}|{rng([x['cpu_cores'] for x in v],'{:.2f}')}|{v[0]['received']}/{v[0]['sent']}|{rng([x['other_cores'] for x in v],'{:.2f}')}|\n"
    s += (
        "\n### Restore of user-totals after kill -9 and a wiped state directory\n\n|app|g|input|changelog records|runs|launch to first output s|launch to RUNNING s|restore phase s|records/s over launch..output|records/s in the phase|CPU-s|CPU-s per M restored|RSS MB|\n|"
        + "-|" * 13
        + "\n"
    )
    for k, v in G.items():
        if k[0] == "restore":
            s += (
                f"|{k[1]}|{k[3]}|{k[9]}|{v[0]['changelog_records']}|{len(v)}|"
                + "|".join(
                    rng([x[f] for x in v], fm)
                    for f, fm in (
                        ("to_first_output_s", "{:.1f}"),
                        ("to_running_s", "{:.1f}"),
                        ("restore_phase_s", "{:.1f}"),
                        ("restored_per_s", "{:.0f}"),
                        ("restored_per_s_phase", "{:.0f}"),
                        ("cpu_s", "{:.1f}"),
                        ("cpu_s_per_m", "{:.1f}"),
                        ("rss_mb", "{:.0f}"),
                    )
                )
                + "|\n"
            )
    s += "\n### Verify\n\n|topology|g|a|b|n|final rows|equal|sha256 of the final output|\n|" + "-|" * 8 + "\n"
    for r in R:
        if r["kind"] == "verify":
            s += f"|{r['topology']}|{r['guarantee']}|{r['a']}|{r['b']}|{r['n']}|{r['keys_a']}|{'yes' if r['equal'] else 'NO %d' % r['different']}|{r['sha256'][:16]}|\n"
    return s


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("cmd", choices="throughput latency restore verify preload table clean".split())
    ap.add_argument("--app", default="ks")
    ap.add_argument("--against", default="oracle")
    ap.add_argument("--topology", default="passthrough", help="comma separated")
    ap.add_argument("--guarantee", default="alos", help="alos,eos")
    ap.add_argument("--n", type=int, default=2_000_000)
    ap.add_argument("--rate", default="1000,10000")
    ap.add_argument("--secs", type=int, default=20)
    ap.add_argument("--warm", type=int, default=15)
    ap.add_argument("--runs", type=int, default=1)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--set", action="append", default=[], help="VAR=value, e.g. CACHE_BYTES=0 THREADS=2 COMMIT_MS=30000 LINGER_MS=0")
    x = ap.parse_args()
    o = dict(s.split("=", 1) for s in x.set)
    os.makedirs(WORK, exist_ok=True)
    ok = True
    if x.cmd == "restore":
        x.topology = "user-totals"
    G = [{"alos": "at_least_once", "eos": "exactly_once_v2"}[g] for g in x.guarantee.split(",")]
    if x.cmd == "table":
        print(table(RESULTS))
        sys.exit()
    if x.cmd == "preload":
        print(preload(x.n, x.seed))
        sys.exit()
    if x.cmd == "clean":
        delete([t for t in topics() if re.match(r"(b-|o-|lat-)", t)])
        sys.exit()
    for _ in range(x.runs):
        for t in x.topology.split(","):
            for g in G:
                for a in x.app.split(","):
                    if t not in APPS[a].get("topologies", [t]) and a != "oracle":
                        continue
                    if x.cmd == "throughput":
                        throughput(a, t, g, x.n, o, seed=x.seed)
                    elif x.cmd == "restore":
                        restore(a, g, x.n, o)
                    elif x.cmd == "verify":
                        ok &= verify(a, x.against, t, x.n, g, o, x.seed)
                    else:
                        for r in x.rate.split(","):
                            latency(a, t, g, int(r), x.secs, o, x.warm)
    sys.exit(not ok)
