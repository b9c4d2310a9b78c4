"""What each topology's output must be, from the input records (key, ts, value) in partition order. No late records occur."""

import json, collections


def cents(t):
    return round(t["amount"] * 100)


def run(topo, tx, users):
    S = collections.defaultdict(lambda: [0, 0, 0])
    H = {}
    U = {}
    if topo == "enrich":
        U = {k: json.loads(v) for k, _, v in users}
    for k, ts, v in tx:
        if topo == "passthrough":
            yield k, ts, v
            continue
        t = json.loads(v)
        c = cents(t)
        if topo == "stateless":
            if c > 50000:
                yield k, ts, json.dumps(dict(transaction_id=t["transaction_id"], user_id=t["user_id"], amount_cents=c))
        elif topo == "category-sales":
            s = S[(t["product_category"], ts - ts % 60000)]
            s[0] += 1
            s[1] += c
        elif topo == "hopping":
            w = ts - ts % 10000
            while w > ts - 60000:
                s = S[(t["product_name"], w)]
                s[0] += 1
                s[1] += c
                w -= 10000
        elif topo == "user-totals":
            s = S[k]
            s[0] += 1
            s[1] += c
            s[2] = max(s[2], t["timestamp"])
        elif topo == "fraud":
            l = [x for x in H.get(k, ()) if x[0] > ts - 60000] + [(ts, c)]
            H[k] = l
            if len(l) >= 5 or c > 90000:
                yield k, ts, json.dumps(
                    dict(
                        transaction_id=t["transaction_id"],
                        user_id=t["user_id"],
                        amount_cents=c,
                        count_60s=len(l),
                        sum_60s_cents=sum(x[1] for x in l),
                        ts=ts,
                    )
                )
        elif topo == "enrich":
            u = U.get(k)
            if u:
                yield k, ts, json.dumps(
                    dict(transaction_id=t["transaction_id"], user_id=t["user_id"], amount_cents=c, country=u["country"], tier=u["tier"])
                )
    for k, (n, c, l) in S.items():
        if topo == "user-totals":
            yield k, 0, json.dumps(dict(user_id=k, count=n, sum_cents=c, last_ts=l))
        else:
            yield f"{k[0]}@{k[1]}", 0, json.dumps(
                {
                    "category" if topo == "category-sales" else "product": k[0],
                    "window_start": k[1],
                    "window_end": k[1] + 60000,
                    "count": n,
                    "total_cents": c,
                }
            )
